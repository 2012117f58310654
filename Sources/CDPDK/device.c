#include "internal.h"

#include <stdio.h>
#include <string.h>

// Gives both directions of a flow the same hash: the key that repeats every 16 bits.
static uint8_t symmetric_key[64];

static void device_name(const char *arguments, char *name, size_t size) {
  size_t length = strcspn(arguments, ",");
  if (length >= size) length = size - 1;
  memcpy(name, arguments, length);
  name[length] = 0;
}

int mos_dpdk_attach(const char *arguments, uint16_t *port, struct mos_dpdk_failure *failure) {
  char name[RTE_ETH_NAME_MAX_LEN];
  device_name(arguments, name, sizeof name);
  dpdk_forget_log();
  // A device of a bus that was scanned is there already.
  if (dpdk.rte_eth_dev_get_port_by_name(name, port) == 0) return 0;
  int result = dpdk.rte_dev_probe(arguments);
  if (result < 0) return dpdk_fail(failure, result, "no such device, or it cannot be used");
  result = dpdk.rte_eth_dev_get_port_by_name(name, port);
  if (result < 0) return dpdk_fail(failure, result, "the device is no port");
  return 0;
}

int mos_dpdk_describe(uint16_t port, struct mos_dpdk_port_info *info, struct mos_dpdk_failure *failure) {
  struct rte_eth_dev_info device;
  int result = dpdk.rte_eth_dev_info_get(port, &device);
  if (result < 0) return dpdk_fail(failure, result, "its driver says nothing about it");
  snprintf(info->driver, sizeof info->driver, "%s", device.driver_name == NULL ? "" : device.driver_name);
  info->receive_queues = device.max_rx_queues;
  info->send_queues = device.max_tx_queues;
  struct rte_ether_addr address;
  if (dpdk.rte_eth_macaddr_get(port, &address) == 0) memcpy(info->address, address.addr_bytes, sizeof info->address);
  uint16_t mtu = 0;
  if (dpdk.rte_eth_dev_get_mtu(port, &mtu) == 0) info->mtu = mtu;
  info->socket = dpdk.rte_eth_dev_socket_id(port);
  return 0;
}

static void choose_offloads(
  uint16_t port, const struct rte_eth_dev_info *device, uint16_t queues, struct rte_eth_conf *configuration,
  struct mos_dpdk_port_info *info) {
  if (device->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) {
    configuration->rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
    info->has_scatter = 1;
  }
  if (device->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) {
    configuration->txmode.offloads |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
    info->has_multiple_segments = 1;
  }
  uint64_t checksums = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
  checksums &= device->rx_offload_capa;
  if ((checksums & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) && (checksums & RTE_ETH_RX_OFFLOAD_TCP_CKSUM)) {
    configuration->rxmode.offloads |= checksums;
    info->verifies_checksums = 1;
  }
  checksums = RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
  if ((device->tx_offload_capa & checksums) == checksums) {
    configuration->txmode.offloads |= checksums;
    info->fills_in_checksums = 1;
  }
  uint64_t ticks;
  // Stamps are of use only if what they count can be found out.
  if ((device->rx_offload_capa & RTE_ETH_RX_OFFLOAD_TIMESTAMP) && dpdk.rte_eth_read_clock(port, &ticks) == 0) {
    configuration->rxmode.offloads |= RTE_ETH_RX_OFFLOAD_TIMESTAMP;
    info->has_clock = 1;
  }
  uint64_t hashed = device->flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
  if (queues < 2 || hashed == 0) return;
  uint8_t length = device->hash_key_size == 0 ? 40 : device->hash_key_size;
  if (length > sizeof symmetric_key) return;
  for (size_t index = 0; index < sizeof symmetric_key; index++) symmetric_key[index] = index & 1 ? 0x5a : 0x6d;
  configuration->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
  configuration->rx_adv_conf.rss_conf.rss_hf = hashed;
  configuration->rx_adv_conf.rss_conf.rss_key = symmetric_key;
  configuration->rx_adv_conf.rss_conf.rss_key_len = length;
  info->has_symmetric_hash = 1;
}

static int set_up_queues(
  uint16_t port, uint16_t queues, uint16_t receive_descriptors, uint16_t send_descriptors,
  struct mos_dpdk_memory *const *memories, int socket, struct mos_dpdk_failure *failure) {
  for (uint16_t queue = 0; queue < queues; queue++) {
    struct rte_mempool *pool = memories[queue]->pool;
    int result =
      dpdk.rte_eth_rx_queue_setup(port, queue, receive_descriptors, (unsigned)socket, NULL, pool);
    if (result < 0) return dpdk_fail(failure, result, "receive queue %u", queue);
    result = dpdk.rte_eth_tx_queue_setup(port, queue, send_descriptors, (unsigned)socket, NULL);
    if (result < 0) return dpdk_fail(failure, result, "send queue %u", queue);
  }
  return 0;
}

int mos_dpdk_port_start(
  uint16_t port, const struct mos_dpdk_port_options *options, struct mos_dpdk_memory *const *memories,
  struct mos_dpdk_port_info *info, struct mos_dpdk_failure *failure) {
  struct rte_eth_dev_info device;
  struct rte_eth_conf configuration;
  uint16_t receive_descriptors = options->receive_descriptors;
  uint16_t send_descriptors = options->send_descriptors;
  dpdk_forget_log();
  int result = dpdk.rte_eth_dev_info_get(port, &device);
  if (result < 0) return dpdk_fail(failure, result, "its driver says nothing about it");
  memset(&configuration, 0, sizeof configuration);
  choose_offloads(port, &device, options->queues, &configuration, info);
  result = dpdk.rte_eth_dev_configure(port, options->queues, options->queues, &configuration);
  if (result < 0) return dpdk_fail(failure, result, "cannot be configured for %u queues", options->queues);
  if (options->mtu != 0) {
    result = dpdk.rte_eth_dev_set_mtu(port, options->mtu);
    // A driver that has none takes any frame.
    if (result < 0 && result != -ENOTSUP) return dpdk_fail(failure, result, "an MTU of %u", options->mtu);
  }
  dpdk.rte_eth_dev_adjust_nb_rx_tx_desc(port, &receive_descriptors, &send_descriptors);
  result = set_up_queues(
    port, options->queues, receive_descriptors, send_descriptors, memories, info->socket, failure);
  if (result < 0) return result;
  result = dpdk.rte_eth_dev_start(port);
  if (result < 0) return dpdk_fail(failure, result, "does not start");
  // Drivers that have no such modes give out all frames anyway.
  dpdk.rte_eth_promiscuous_enable(port);
  dpdk.rte_eth_allmulticast_enable(port);
  dpdk_has_clock[port] = info->has_clock;
  info->is_promiscuous = dpdk.rte_eth_promiscuous_get(port) == 1;
  info->has_capture_time = strcmp(info->driver, "net_pcap") == 0;
  uint16_t mtu = 0;
  if (dpdk.rte_eth_dev_get_mtu(port, &mtu) == 0) info->mtu = mtu;
  dpdk_forget_log();
  return 0;
}

void mos_dpdk_port_close(uint16_t port, const char *arguments) {
  char name[RTE_ETH_NAME_MAX_LEN];
  dpdk.rte_eth_dev_stop(port);
  dpdk.rte_eth_dev_close(port);
  device_name(arguments, name, sizeof name);
  // Another bus's device stays, closed.
  dpdk.rte_eal_hotplug_remove("vdev", name);
  dpdk_forget_log();
}

struct mos_dpdk_link mos_dpdk_port_link(uint16_t port) {
  struct rte_eth_link link;
  struct mos_dpdk_link state = {0, 0, UINT32_MAX};
  memset(&link, 0, sizeof link);
  if (dpdk.rte_eth_link_get_nowait(port, &link) < 0) return state;
  state.is_up = link.link_status == RTE_ETH_LINK_UP;
  state.is_full_duplex = link.link_duplex == RTE_ETH_LINK_FULL_DUPLEX;
  state.speed = link.link_speed;
  return state;
}

struct mos_dpdk_port_counters mos_dpdk_port_counters(uint16_t port) {
  struct rte_eth_stats stats;
  struct mos_dpdk_port_counters counters;
  memset(&stats, 0, sizeof stats);
  memset(&counters, 0, sizeof counters);
  if (dpdk.rte_eth_stats_get(port, &stats) != 0) return counters;
  counters.received = stats.ipackets;
  counters.received_bytes = stats.ibytes;
  counters.sent = stats.opackets;
  counters.sent_bytes = stats.obytes;
  counters.missed = stats.imissed;
  counters.receive_errors = stats.ierrors;
  counters.send_errors = stats.oerrors;
  counters.no_memory = stats.rx_nombuf;
  return counters;
}

int mos_dpdk_xstats_count(uint16_t port) {
  int count = dpdk.rte_eth_xstats_get_names(port, NULL, 0);
  return count < 0 ? 0 : count;
}

int mos_dpdk_xstats(uint16_t port, int count, char *names, uint64_t *values) {
  if (count <= 0) return 0;
  struct rte_eth_xstat_name *known = calloc((size_t)count, sizeof *known);
  struct rte_eth_xstat *stats = calloc((size_t)count, sizeof *stats);
  int found = 0;
  if (known != NULL && stats != NULL && dpdk.rte_eth_xstats_get_names(port, known, (unsigned)count) == count
      && dpdk.rte_eth_xstats_get(port, stats, (unsigned)count) == count) {
    for (; found < count; found++) {
      uint64_t place = stats[found].id < (uint64_t)count ? stats[found].id : (uint64_t)found;
      snprintf(names + (size_t)found * 64, 64, "%s", known[place].name);
      values[found] = stats[found].value;
    }
  }
  free(known);
  free(stats);
  return found;
}
