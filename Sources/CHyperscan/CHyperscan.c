#include "CHyperscan.h"

#include <dlfcn.h>
#include <stddef.h>

static int find(void *library, const char *name, void *place) {
  void *address = dlsym(library, name);
  // The way that POSIX gives for an object pointer that is a function's.
  *(void **)place = address;
  return address == NULL ? -1 : 0;
}

int mos_hyperscan_load(struct mos_hyperscan_functions *functions) {
  void *library = dlopen("libhs.so.5", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return -1;
  if (find(library, "hs_valid_platform", &functions->valid_platform) != 0) return -1;
  if (find(library, "hs_compile_lit_multi", &functions->compile_lit_multi) != 0) return -1;
  if (find(library, "hs_free_compile_error", &functions->free_compile_error) != 0) return -1;
  if (find(library, "hs_free_database", &functions->free_database) != 0) return -1;
  if (find(library, "hs_database_size", &functions->database_size) != 0) return -1;
  if (find(library, "hs_stream_size", &functions->stream_size) != 0) return -1;
  if (find(library, "hs_alloc_scratch", &functions->alloc_scratch) != 0) return -1;
  if (find(library, "hs_free_scratch", &functions->free_scratch) != 0) return -1;
  if (find(library, "hs_open_stream", &functions->open_stream) != 0) return -1;
  if (find(library, "hs_scan_stream", &functions->scan_stream) != 0) return -1;
  if (find(library, "hs_close_stream", &functions->close_stream) != 0) return -1;
  if (find(library, "hs_reset_stream", &functions->reset_stream) != 0) return -1;
  return 0;
}
