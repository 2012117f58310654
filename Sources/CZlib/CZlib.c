#include "CZlib.h"

#include <dlfcn.h>
#include <stddef.h>

static int find(void *library, const char *name, void *place) {
  void *address = dlsym(library, name);
  // The way that POSIX gives for an object pointer that is a function's.
  *(void **)place = address;
  return address == NULL ? -1 : 0;
}

int mos_zlib_load(struct mos_zlib_functions *functions) {
  void *library = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return -1;
  if (find(library, "inflateInit2_", &functions->inflate_init) != 0) return -1;
  if (find(library, "inflate", &functions->inflate) != 0) return -1;
  if (find(library, "inflateReset2", &functions->inflate_reset) != 0) return -1;
  if (find(library, "inflateEnd", &functions->inflate_end) != 0) return -1;
  return 0;
}
