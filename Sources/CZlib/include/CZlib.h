#ifndef CZLIB_H
#define CZLIB_H

#include <zlib.h>

/// The functions of zlib that decode gzip, zlib and raw deflate.
struct mos_zlib_functions {
  int (*inflate_init)(z_stream *stream, int window_bits, const char *version, int stream_size);
  int (*inflate)(z_stream *stream, int flush);
  int (*inflate_reset)(z_stream *stream, int window_bits);
  int (*inflate_end)(z_stream *stream);
};

/// Loads zlib and finds its functions. Returns 0, or -1 when it or one of the functions is not there.
///
/// It is loaded with the first body that is compressed and not when the process starts: whoever meets none does not need
/// it.
int mos_zlib_load(struct mos_zlib_functions *functions);

#endif
