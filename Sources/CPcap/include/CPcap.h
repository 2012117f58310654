#ifndef CPCAP_H
#define CPCAP_H

#include <pcap/pcap.h>

/// The functions of libpcap that compile and run filter expressions.
struct mos_pcap_functions {
  pcap_t *(*open_dead)(int link_type, int snap_length);
  void (*close)(pcap_t *handle);
  int (*compile)(pcap_t *handle, struct bpf_program *program, const char *expression, int optimize, bpf_u_int32 mask);
  char *(*geterr)(pcap_t *handle);
  void (*freecode)(struct bpf_program *program);
  u_int (*filter)(const struct bpf_insn *program, const u_char *bytes, u_int wire_length, u_int captured_length);
};

/// Loads libpcap and finds its functions. Returns 0, or -1 when it or one of the functions is not there.
///
/// It is loaded when the first filter is compiled and not when the process starts: with the eight libraries that it brings
/// along, loading takes about a millisecond, which nobody who has no filter should wait for.
int mos_pcap_load(struct mos_pcap_functions *functions);

#endif
