#ifndef CPCAP_H
#define CPCAP_H

#include <pcap/pcap.h>

/// The functions of libpcap that compile and run filter expressions, and those that capture at interfaces.
struct mos_pcap_functions {
  pcap_t *(*open_dead)(int link_type, int snap_length);
  void (*close)(pcap_t *handle);
  int (*compile)(pcap_t *handle, struct bpf_program *program, const char *expression, int optimize, bpf_u_int32 mask);
  char *(*geterr)(pcap_t *handle);
  void (*freecode)(struct bpf_program *program);
  u_int (*filter)(const struct bpf_insn *program, const u_char *bytes, u_int wire_length, u_int captured_length);

  pcap_t *(*create)(const char *interface, char *error);
  int (*set_snaplen)(pcap_t *handle, int snap_length);
  int (*set_promisc)(pcap_t *handle, int promiscuous);
  int (*set_timeout)(pcap_t *handle, int milliseconds);
  int (*set_immediate_mode)(pcap_t *handle, int immediate);
  int (*set_buffer_size)(pcap_t *handle, int bytes);
  int (*set_tstamp_precision)(pcap_t *handle, int precision);
  int (*activate)(pcap_t *handle);
  int (*setnonblock)(pcap_t *handle, int nonblock, char *error);
  int (*setdirection)(pcap_t *handle, pcap_direction_t direction);
  int (*setfilter)(pcap_t *handle, struct bpf_program *program);
  int (*datalink)(pcap_t *handle);
  int (*selectable_fd)(pcap_t *handle);
  int (*dispatch)(pcap_t *handle, int count, pcap_handler handler, u_char *context);
  int (*inject)(pcap_t *handle, const void *bytes, size_t length);
  int (*stats)(pcap_t *handle, struct pcap_stat *statistics);
  const char *(*statustostr)(int status);
};

/// Loads libpcap and finds its functions. Returns 0, or -1 when it or one of the functions is not there.
///
/// It is loaded when it is first needed and not when the process starts: with the eight libraries that it brings along, loading
/// takes about a millisecond, which nobody should wait for who has no filter and does not capture.
int mos_pcap_load(struct mos_pcap_functions *functions);

#endif
