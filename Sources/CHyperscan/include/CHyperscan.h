#ifndef CHYPERSCAN_H
#define CHYPERSCAN_H

#include <hs/hs.h>

/// The functions of libhyperscan that compile patterns and scan streams for them.
struct mos_hyperscan_functions {
  hs_error_t (*valid_platform)(void);
  hs_error_t (*compile_lit_multi)(
      const char *const *expressions, const unsigned *flags, const unsigned *ids, const size_t *lengths,
      unsigned elements, unsigned mode, const hs_platform_info_t *platform, hs_database_t **database,
      hs_compile_error_t **error);
  hs_error_t (*free_compile_error)(hs_compile_error_t *error);
  hs_error_t (*free_database)(hs_database_t *database);
  hs_error_t (*database_size)(const hs_database_t *database, size_t *size);
  hs_error_t (*stream_size)(const hs_database_t *database, size_t *size);
  hs_error_t (*alloc_scratch)(const hs_database_t *database, hs_scratch_t **scratch);
  hs_error_t (*free_scratch)(hs_scratch_t *scratch);
  hs_error_t (*open_stream)(const hs_database_t *database, unsigned int flags, hs_stream_t **stream);
  hs_error_t (*scan_stream)(
      hs_stream_t *stream, const char *data, unsigned int length, unsigned int flags, hs_scratch_t *scratch,
      match_event_handler handler, void *context);
  hs_error_t (*close_stream)(
      hs_stream_t *stream, hs_scratch_t *scratch, match_event_handler handler, void *context);
  hs_error_t (*reset_stream)(
      hs_stream_t *stream, unsigned int flags, hs_scratch_t *scratch, match_event_handler handler, void *context);
};

/// Loads libhyperscan and finds its functions. Returns 0, or -1 when it or one of the functions is not there.
///
/// It is loaded when the first patterns are compiled and not when the process starts: whoever has none does not need it.
int mos_hyperscan_load(struct mos_hyperscan_functions *functions);

#endif
