#ifndef CDPDK_INTERNAL_H
#define CDPDK_INTERNAL_H

#if !__has_include("rte_ethdev.h")
#error "DPDK's headers are missing: install libdpdk-dev, for example with scripts/install-dependencies.sh build"
#endif

// What DPDK's headers take for granted on x86-64; here and not among the compiler's flags, which a package that others
// depend on must not have.
#pragma clang attribute push(__attribute__((target("sse4.2"))), apply_to = function)
#include <rte_config.h>
// The clock of a device was called that until DPDK 23.11.
#define ALLOW_EXPERIMENTAL_API

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_mempool.h>
#include <rte_version.h>
#include <stdlib.h>
#include <time.h>
#pragma clang attribute pop

#include "CDPDK.h"

// Functions in DPDK's headers that are inline and call what is not may not be used: their calls would have to be linked.
#define MOS_DPDK_FUNCTIONS(X)                                                                                             \
  X(rte_eal_init)                                                                                                         \
  X(rte_eal_cleanup)                                                                                                      \
  X(rte_openlog_stream)                                                                                                   \
  X(rte_log_set_global_level)                                                                                             \
  X(rte_strerror)                                                                                                         \
  X(rte_thread_register)                                                                                                  \
  X(rte_thread_unregister)                                                                                                \
  X(rte_dev_probe)                                                                                                        \
  X(rte_eal_hotplug_remove)                                                                                               \
  X(rte_pktmbuf_pool_create)                                                                                              \
  X(rte_pktmbuf_free_bulk)                                                                                                \
  X(rte_mbuf_dynfield_lookup)                                                                                             \
  X(rte_mbuf_dynflag_lookup)                                                                                              \
  X(rte_mempool_free)                                                                                                     \
  X(rte_mempool_avail_count)                                                                                              \
  X(rte_eth_dev_get_port_by_name)                                                                                         \
  X(rte_eth_dev_get_name_by_port)                                                                                         \
  X(rte_eth_dev_info_get)                                                                                                 \
  X(rte_eth_dev_configure)                                                                                                \
  X(rte_eth_dev_adjust_nb_rx_tx_desc)                                                                                     \
  X(rte_eth_rx_queue_setup)                                                                                               \
  X(rte_eth_tx_queue_setup)                                                                                               \
  X(rte_eth_dev_start)                                                                                                    \
  X(rte_eth_dev_stop)                                                                                                     \
  X(rte_eth_dev_close)                                                                                                    \
  X(rte_eth_dev_set_mtu)                                                                                                  \
  X(rte_eth_dev_get_mtu)                                                                                                  \
  X(rte_eth_dev_socket_id)                                                                                                \
  X(rte_eth_promiscuous_enable)                                                                                           \
  X(rte_eth_promiscuous_get)                                                                                              \
  X(rte_eth_allmulticast_enable)                                                                                          \
  X(rte_eth_macaddr_get)                                                                                                  \
  X(rte_eth_read_clock)                                                                                                   \
  X(rte_eth_link_get_nowait)                                                                                              \
  X(rte_eth_stats_get)                                                                                                    \
  X(rte_eth_xstats_get)                                                                                                   \
  X(rte_eth_xstats_get_names)

/// DPDK's functions, and its tables that its inline functions use.
struct dpdk_functions {
#define MOS_DPDK_DECLARE(name) __typeof__(name) *name;
  MOS_DPDK_FUNCTIONS(MOS_DPDK_DECLARE)
#undef MOS_DPDK_DECLARE
  struct rte_eth_fp_ops *fast_path;
  struct rte_mempool_ops_table *mempool_ops;
};

extern struct dpdk_functions dpdk;

/// `rte_errno` of the calling thread.
int dpdk_errno(void);

/// Makes a message of what failed and the first line that DPDK logged about it; without one, what `error` (an errno) means.
int dpdk_fail(struct mos_dpdk_failure *failure, int error, const char *format, ...)
  __attribute__((format(printf, 3, 4)));

/// Ports that stamp frames by a clock of their own.
extern uint8_t dpdk_has_clock[RTE_MAX_ETHPORTS];

/// Compares the clock of a device with the system's if that is due at the time `now`.
void dpdk_clock_keep(struct mos_dpdk_clock *clock, uint16_t port, int64_t now);

/// Forgets what was logged.
void dpdk_forget_log(void);

/// Most queues whose frames come from one memory.
#define MOS_DPDK_LENDERS 16

/// The longest frame that is copied into one piece, and how many such there are.
#define MOS_DPDK_LARGE 16384
#define MOS_DPDK_LARGE_COUNT 128

struct mos_dpdk_memory {
  struct rte_mempool *pool;
  /// Large pieces; NULL where all are.
  struct rte_mempool *large;
  /// What a frame can have in one piece.
  uint32_t room;
  uint32_t lenders;
  /// Whose frame was sent last: the next one is asked for there first.
  uint32_t last_lender;
  struct mos_dpdk_queue *lender[MOS_DPDK_LENDERS];
};

/// Bytes in front of a frame.
#define MOS_DPDK_HEADROOM RTE_PKTMBUF_HEADROOM

#endif
