#ifndef CPCRE2_H
#define CPCRE2_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/// The functions of libpcre2 that compile expressions and match bytes with them.
struct mos_pcre2_functions {
  pcre2_code *(*compile)(
      PCRE2_SPTR pattern, PCRE2_SIZE length, uint32_t options, int *error, PCRE2_SIZE *place,
      pcre2_compile_context *context);
  void (*code_free)(pcre2_code *code);
  int (*jit_compile)(pcre2_code *code, uint32_t options);
  pcre2_match_data *(*match_data_create)(uint32_t pairs, pcre2_general_context *context);
  void (*match_data_free)(pcre2_match_data *data);
  pcre2_match_context *(*match_context_create)(pcre2_general_context *context);
  void (*match_context_free)(pcre2_match_context *context);
  int (*set_match_limit)(pcre2_match_context *context, uint32_t limit);
  int (*set_depth_limit)(pcre2_match_context *context, uint32_t limit);
  int (*match)(
      const pcre2_code *code, PCRE2_SPTR subject, PCRE2_SIZE length, PCRE2_SIZE start, uint32_t options,
      pcre2_match_data *data, pcre2_match_context *context);
  PCRE2_SIZE *(*ovector)(pcre2_match_data *data);
  int (*error_message)(int error, PCRE2_UCHAR *buffer, PCRE2_SIZE length);
};

/// Loads libpcre2 and finds its functions. Returns 0, or -1 when it or one of the functions is not there.
///
/// It is loaded when the first expression is compiled and not when the process starts: whoever has none does not need it.
int mos_pcre2_load(struct mos_pcre2_functions *functions);

#endif
