#include "CPcap.h"

#include <dlfcn.h>
#include <stddef.h>

static int find(void *library, const char *name, void *place) {
  void *address = dlsym(library, name);
  // The way that POSIX gives for an object pointer that is a function's.
  *(void **)place = address;
  return address == NULL ? -1 : 0;
}

int mos_pcap_load(struct mos_pcap_functions *functions) {
  // Debian's name and that of other distributions, for the same interface.
  void *library = dlopen("libpcap.so.0.8", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) library = dlopen("libpcap.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return -1;
  if (find(library, "pcap_open_dead", &functions->open_dead) != 0) return -1;
  if (find(library, "pcap_close", &functions->close) != 0) return -1;
  if (find(library, "pcap_compile", &functions->compile) != 0) return -1;
  if (find(library, "pcap_geterr", &functions->geterr) != 0) return -1;
  if (find(library, "pcap_freecode", &functions->freecode) != 0) return -1;
  if (find(library, "bpf_filter", &functions->filter) != 0) return -1;
  if (find(library, "pcap_create", &functions->create) != 0) return -1;
  if (find(library, "pcap_set_snaplen", &functions->set_snaplen) != 0) return -1;
  if (find(library, "pcap_set_promisc", &functions->set_promisc) != 0) return -1;
  if (find(library, "pcap_set_timeout", &functions->set_timeout) != 0) return -1;
  if (find(library, "pcap_set_immediate_mode", &functions->set_immediate_mode) != 0) return -1;
  if (find(library, "pcap_set_buffer_size", &functions->set_buffer_size) != 0) return -1;
  if (find(library, "pcap_set_tstamp_precision", &functions->set_tstamp_precision) != 0) return -1;
  if (find(library, "pcap_activate", &functions->activate) != 0) return -1;
  if (find(library, "pcap_setnonblock", &functions->setnonblock) != 0) return -1;
  if (find(library, "pcap_setdirection", &functions->setdirection) != 0) return -1;
  if (find(library, "pcap_setfilter", &functions->setfilter) != 0) return -1;
  if (find(library, "pcap_datalink", &functions->datalink) != 0) return -1;
  if (find(library, "pcap_get_selectable_fd", &functions->selectable_fd) != 0) return -1;
  if (find(library, "pcap_dispatch", &functions->dispatch) != 0) return -1;
  if (find(library, "pcap_inject", &functions->inject) != 0) return -1;
  if (find(library, "pcap_stats", &functions->stats) != 0) return -1;
  if (find(library, "pcap_statustostr", &functions->statustostr) != 0) return -1;
  return 0;
}
