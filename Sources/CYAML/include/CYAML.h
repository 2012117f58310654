#ifndef CYAML_H
#define CYAML_H

#include <yaml.h>

/// The functions of libyaml that read the events of a text.
struct mos_yaml_functions {
  int (*parser_initialize)(yaml_parser_t *parser);
  void (*parser_delete)(yaml_parser_t *parser);
  void (*parser_set_input_string)(yaml_parser_t *parser, const unsigned char *input, size_t size);
  void (*parser_set_encoding)(yaml_parser_t *parser, yaml_encoding_t encoding);
  int (*parser_parse)(yaml_parser_t *parser, yaml_event_t *event);
  void (*event_delete)(yaml_event_t *event);
};

/// Loads libyaml and finds its functions. Returns 0, or -1 when it or one of the functions is not there.
///
/// It is loaded when the first file of rules is read and not when the process starts: whoever has none does not need it.
int mos_yaml_load(struct mos_yaml_functions *functions);

#endif
