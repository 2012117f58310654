#include "CYAML.h"

#include <dlfcn.h>
#include <stddef.h>

static int find(void *library, const char *name, void *place) {
  void *address = dlsym(library, name);
  // The way that POSIX gives for an object pointer that is a function's.
  *(void **)place = address;
  return address == NULL ? -1 : 0;
}

int mos_yaml_load(struct mos_yaml_functions *functions) {
  void *library = dlopen("libyaml-0.so.2", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return -1;
  if (find(library, "yaml_parser_initialize", &functions->parser_initialize) != 0) return -1;
  if (find(library, "yaml_parser_delete", &functions->parser_delete) != 0) return -1;
  if (find(library, "yaml_parser_set_input_string", &functions->parser_set_input_string) != 0) return -1;
  if (find(library, "yaml_parser_set_encoding", &functions->parser_set_encoding) != 0) return -1;
  if (find(library, "yaml_parser_parse", &functions->parser_parse) != 0) return -1;
  if (find(library, "yaml_event_delete", &functions->event_delete) != 0) return -1;
  return 0;
}
