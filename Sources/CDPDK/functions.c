#include "internal.h"

#include <dlfcn.h>
#include <stdio.h>

struct dpdk_functions dpdk;

static void *libraries[4];

// The number that DPDK's libraries of the headers' version have: that of the year behind each November.
#define MOS_DPDK_INTERFACE (RTE_VER_YEAR + (RTE_VER_MONTH >= 11 ? 1 : 0))

static void *find(const char *name) {
  for (size_t index = 0; index < sizeof libraries / sizeof *libraries; index++) {
    void *address = dlsym(libraries[index], name);
    if (address != NULL) return address;
  }
  return NULL;
}

int mos_dpdk_load(struct mos_dpdk_failure *failure) {
  static const char *const names[] = {"eal", "mempool", "mbuf", "ethdev"};
  if (dpdk.fast_path != NULL) return 0;
  for (size_t index = 0; index < sizeof names / sizeof *names; index++) {
    char file[64];
    snprintf(file, sizeof file, "librte_%s.so.%d", names[index], MOS_DPDK_INTERFACE);
    libraries[index] = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (libraries[index] == NULL) {
      snprintf(failure->text, sizeof failure->text, "%s cannot be loaded; install DPDK %d.%d (packages dpdk, libdpdk-dev)",
               file, RTE_VER_YEAR, RTE_VER_MONTH);
      return -1;
    }
  }
#define MOS_DPDK_FIND(name)                                                                                               \
  *(void **)&dpdk.name = find(#name);                                                                                     \
  if (dpdk.name == NULL) {                                                                                                \
    snprintf(failure->text, sizeof failure->text, "the DPDK that is installed has no " #name);                            \
    return -1;                                                                                                            \
  }
  MOS_DPDK_FUNCTIONS(MOS_DPDK_FIND)
#undef MOS_DPDK_FIND
  dpdk.mempool_ops = find("rte_mempool_ops_table");
  struct rte_eth_fp_ops *fast_path = find("rte_eth_fp_ops");
  if (dpdk.mempool_ops == NULL || fast_path == NULL) {
    snprintf(failure->text, sizeof failure->text, "the DPDK that is installed lacks a table that its headers have");
    return -1;
  }
  dpdk.fast_path = fast_path;
  return 0;
}

int dpdk_errno(void) {
  // Each thread has its own: looked up each time.
  const int *place = find("per_lcore__rte_errno");
  return place == NULL ? 0 : *place;
}
