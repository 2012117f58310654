#include "CPCRE2.h"

#include <dlfcn.h>
#include <stddef.h>

static int find(void *library, const char *name, void *place) {
  void *address = dlsym(library, name);
  // The way that POSIX gives for an object pointer that is a function's.
  *(void **)place = address;
  return address == NULL ? -1 : 0;
}

int mos_pcre2_load(struct mos_pcre2_functions *functions) {
  void *library = dlopen("libpcre2-8.so.0", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return -1;
  if (find(library, "pcre2_compile_8", &functions->compile) != 0) return -1;
  if (find(library, "pcre2_code_free_8", &functions->code_free) != 0) return -1;
  if (find(library, "pcre2_jit_compile_8", &functions->jit_compile) != 0) return -1;
  if (find(library, "pcre2_match_data_create_8", &functions->match_data_create) != 0) return -1;
  if (find(library, "pcre2_match_data_free_8", &functions->match_data_free) != 0) return -1;
  if (find(library, "pcre2_match_context_create_8", &functions->match_context_create) != 0) return -1;
  if (find(library, "pcre2_match_context_free_8", &functions->match_context_free) != 0) return -1;
  if (find(library, "pcre2_set_match_limit_8", &functions->set_match_limit) != 0) return -1;
  if (find(library, "pcre2_set_depth_limit_8", &functions->set_depth_limit) != 0) return -1;
  if (find(library, "pcre2_match_8", &functions->match) != 0) return -1;
  if (find(library, "pcre2_get_ovector_pointer_8", &functions->ovector) != 0) return -1;
  if (find(library, "pcre2_get_error_message_8", &functions->error_message) != 0) return -1;
  return 0;
}
