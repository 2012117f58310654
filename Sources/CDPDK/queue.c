#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/// A frame that was given out. `mbuf` is NULL once it was sent: whoever has it frees it.
struct loan {
  const void *bytes;
  struct rte_mbuf *mbuf;
};

struct mos_dpdk_queue {
  uint16_t port, number;
  struct mos_dpdk_memory *memory;
  uint32_t lent;
  /// Where the next frame to be sent is looked for: most are sent in the order in which they came.
  uint32_t next;
  int timestamp_offset;
  uint64_t timestamp_flag;
  /// The time stamps are the device's own, of this clock; else they are microseconds since 1970.
  uint8_t has_clock;
  struct mos_dpdk_clock clock;
  uint8_t has_multiple_segments;
  /// Frames that lie in several pieces are given out from here.
  uint8_t *pieces;
  struct mos_dpdk_counters counters;
  struct loan loans[MOS_DPDK_BURST];
  struct mos_dpdk_frame frames[MOS_DPDK_BURST];
  struct rte_mbuf *burst[MOS_DPDK_BURST];
};

struct mos_dpdk_memory *mos_dpdk_memory_create(
  const char *name, uint32_t count, uint32_t frame_bytes, int socket, struct mos_dpdk_failure *failure) {
  struct mos_dpdk_memory *memory = calloc(1, sizeof *memory);
  if (memory == NULL) {
    snprintf(failure->text, sizeof failure->text, "no memory");
    return NULL;
  }
  memory->room = frame_bytes;
  dpdk_forget_log();
  memory->pool = dpdk.rte_pktmbuf_pool_create(
    name, count, count >= 1024 ? 256 : 0, 0, (uint16_t)(frame_bytes + MOS_DPDK_HEADROOM), socket);
  if (memory->pool == NULL) {
    dpdk_fail(failure, dpdk_errno(), "no memory for %u frames of %u bytes", count, frame_bytes);
    free(memory);
    return NULL;
  }
  if (frame_bytes >= MOS_DPDK_LARGE) return memory;
  char large[RTE_MEMPOOL_NAMESIZE];
  snprintf(large, sizeof large, "%s-large", name);
  memory->large = dpdk.rte_pktmbuf_pool_create(
    large, MOS_DPDK_LARGE_COUNT, 0, 0, MOS_DPDK_LARGE + MOS_DPDK_HEADROOM, socket);
  if (memory->large == NULL) {
    dpdk_fail(failure, dpdk_errno(), "no memory for %u frames of %u bytes", MOS_DPDK_LARGE_COUNT, MOS_DPDK_LARGE);
    mos_dpdk_memory_free(memory);
    return NULL;
  }
  return memory;
}

void mos_dpdk_memory_free(struct mos_dpdk_memory *memory) {
  dpdk.rte_mempool_free(memory->pool);
  dpdk.rte_mempool_free(memory->large);
  free(memory);
}

uint32_t mos_dpdk_memory_used(const struct mos_dpdk_memory *memory) {
  uint32_t used = memory->pool->size - dpdk.rte_mempool_avail_count(memory->pool);
  if (memory->large == NULL) return used;
  return used + memory->large->size - dpdk.rte_mempool_avail_count(memory->large);
}

/// Finds where time stamps are, and what they count.
static void find_timestamps(struct mos_dpdk_queue *queue, const struct rte_eth_dev_info *device) {
  queue->has_clock = dpdk_has_clock[queue->port];
  int is_capture = device->driver_name != NULL && strcmp(device->driver_name, "net_pcap") == 0;
  if (!queue->has_clock && !is_capture) return;
  int flag = dpdk.rte_mbuf_dynflag_lookup(RTE_MBUF_DYNFLAG_RX_TIMESTAMP_NAME, NULL);
  if (flag < 0) return;
  queue->timestamp_offset = dpdk.rte_mbuf_dynfield_lookup(RTE_MBUF_DYNFIELD_TIMESTAMP_NAME, NULL);
  queue->timestamp_flag = UINT64_C(1) << flag;
}

struct mos_dpdk_queue *mos_dpdk_queue_open(uint16_t port, uint16_t number, struct mos_dpdk_memory *memory) {
  struct mos_dpdk_queue *queue = calloc(1, sizeof *queue);
  if (queue == NULL) return NULL;
  // Touched only where frames lie in several pieces.
  queue->pieces = calloc(MOS_DPDK_BURST, MOS_DPDK_FRAME_LIMIT);
  if (queue->pieces == NULL || memory->lenders == MOS_DPDK_LENDERS) {
    free(queue->pieces);
    free(queue);
    return NULL;
  }
  queue->port = port;
  queue->number = number;
  queue->memory = memory;
  queue->timestamp_offset = -1;
  struct rte_eth_dev_info device;
  if (dpdk.rte_eth_dev_info_get(port, &device) == 0) {
    queue->has_multiple_segments = (device.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0;
    find_timestamps(queue, &device);
  }
  memory->lender[memory->lenders++] = queue;
  return queue;
}

/// Frees what was lent and not sent.
static void take_back(struct mos_dpdk_queue *queue) {
  uint32_t left = 0;
  for (uint32_t index = 0; index < queue->lent; index++) {
    if (queue->loans[index].mbuf != NULL) queue->burst[left++] = queue->loans[index].mbuf;
  }
  if (left > 0) dpdk.rte_pktmbuf_free_bulk(queue->burst, left);
  queue->lent = 0;
  queue->next = 0;
}

void mos_dpdk_queue_close(struct mos_dpdk_queue *queue) {
  struct mos_dpdk_memory *memory = queue->memory;
  take_back(queue);
  for (uint32_t index = 0; index < memory->lenders; index++) {
    if (memory->lender[index] == queue) {
      memory->lender[index] = memory->lender[--memory->lenders];
      break;
    }
  }
  free(queue->pieces);
  free(queue);
}

struct mos_dpdk_frame *mos_dpdk_queue_frames(struct mos_dpdk_queue *queue) {
  return queue->frames;
}

static inline void count(uint64_t *counter, uint64_t *bytes, uint64_t frames, uint64_t length) {
  // One thread writes, others may read.
  __atomic_store_n(counter, *counter + frames, __ATOMIC_RELAXED);
  __atomic_store_n(bytes, *bytes + length, __ATOMIC_RELAXED);
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/// Copies a frame of several pieces into one.
static void gather(const struct rte_mbuf *mbuf, uint8_t *place) {
  for (; mbuf != NULL; mbuf = mbuf->next) {
    memcpy(place, rte_pktmbuf_mtod(mbuf, const void *), mbuf->data_len);
    place += mbuf->data_len;
  }
}

/// Copies a frame back over the pieces that it came in.
static void scatter(struct rte_mbuf *mbuf, const uint8_t *bytes) {
  for (; mbuf != NULL; mbuf = mbuf->next) {
    memcpy(rte_pktmbuf_mtod(mbuf, void *), bytes, mbuf->data_len);
    bytes += mbuf->data_len;
  }
}

int mos_dpdk_receive(struct mos_dpdk_queue *queue, int capacity) {
  if (queue->lent > 0) take_back(queue);
  if (capacity > MOS_DPDK_BURST) capacity = MOS_DPDK_BURST;
  if (capacity <= 0) return 0;
  const struct rte_eth_fp_ops *driver = dpdk.fast_path + queue->port;
  uint32_t got = driver->rx_pkt_burst(driver->rxq.data[queue->number], queue->burst, (uint16_t)capacity);
  if (got == 0) return 0;
  int64_t time = now();
  if (__builtin_expect(queue->has_clock, 0)) dpdk_clock_keep(&queue->clock, queue->port, time);
  uint64_t bytes = 0;
  uint32_t lent = 0;
  for (uint32_t index = 0; index < got; index++) {
    if (index + 4 < got) __builtin_prefetch(queue->burst[index + 4]);
    struct rte_mbuf *mbuf = queue->burst[index];
    const void *start = rte_pktmbuf_mtod(mbuf, const void *);
    uint32_t length = mbuf->pkt_len;
    if (__builtin_expect(mbuf->nb_segs > 1, 0)) {
      if (length > MOS_DPDK_FRAME_LIMIT) {
        dpdk.rte_pktmbuf_free_bulk(&mbuf, 1);
        count(&queue->counters.receive_dropped, &queue->counters.receive_dropped_bytes, 1, length);
        continue;
      }
      uint8_t *place = queue->pieces + (size_t)lent * MOS_DPDK_FRAME_LIMIT;
      gather(mbuf, place);
      start = place;
    }
    __builtin_prefetch(start);
    queue->loans[lent] = (struct loan){start, mbuf};
    int64_t stamp = time;
    if (queue->timestamp_offset >= 0 && (mbuf->ol_flags & queue->timestamp_flag) != 0) {
      uint64_t ticks = *RTE_MBUF_DYNFIELD(mbuf, queue->timestamp_offset, const uint64_t *);
      // A capture's are microseconds.
      stamp = queue->has_clock ? mos_dpdk_clock_time(&queue->clock, ticks, time) : (int64_t)ticks * 1000;
    }
    // Of a frame whose checksums are wrong, or that has none, the flags say something else.
    uint64_t checksums = mbuf->ol_flags & (RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
    uint8_t right = checksums == (RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD);
    queue->frames[lent] = (struct mos_dpdk_frame){start, stamp, length, right};
    bytes += length;
    lent++;
  }
  queue->lent = lent;
  count(&queue->counters.received, &queue->counters.received_bytes, lent, bytes);
  return (int)lent;
}

/// The loan of the frame that begins at `bytes`, from whichever queue it came, or, where it was sent already, one that is
/// over; NULL where it lies elsewhere. A frame can come in where one lay that was sent, so loans that are over do not end
/// the search.
static inline struct loan *find_loan(struct mos_dpdk_memory *memory, const void *bytes) {
  struct loan *over = NULL;
  uint32_t lender = memory->last_lender;
  for (uint32_t asked = 0; asked < memory->lenders; asked++, lender++) {
    if (lender >= memory->lenders) lender = 0;
    struct mos_dpdk_queue *queue = memory->lender[lender];
    uint32_t index = queue->next;
    for (uint32_t looked = 0; looked < queue->lent; looked++, index++) {
      if (index >= queue->lent) index = 0;
      struct loan *loan = &queue->loans[index];
      if (loan->bytes != bytes) continue;
      if (loan->mbuf == NULL) {
        over = loan;
        continue;
      }
      queue->next = index + 1;
      memory->last_lender = lender;
      return loan;
    }
  }
  return over;
}

/// An empty piece; NULL when there is none. Inline functions of DPDK that do this would have to be linked.
static struct rte_mbuf *new_piece(struct rte_mempool *pool) {
  void *piece;
  if (dpdk.mempool_ops->ops[pool->ops_index].dequeue(pool, &piece, 1) != 0) return NULL;
  struct rte_mbuf *mbuf = piece;
  rte_mbuf_refcnt_set(mbuf, 1);
  rte_pktmbuf_reset(mbuf);
  return mbuf;
}

/// A copy of a frame; NULL where there is no room, or it is too long. Where one piece is too small, in several if the driver
/// can send such, and in a large one if not.
static struct rte_mbuf *copy(struct mos_dpdk_queue *queue, const uint8_t *bytes, uint32_t length) {
  uint32_t room = queue->memory->room;
  struct rte_mempool *pool = queue->memory->pool;
  if (length > MOS_DPDK_FRAME_LIMIT) return NULL;
  if (length > room && !queue->has_multiple_segments) {
    pool = queue->memory->large;
    room = MOS_DPDK_LARGE;
    if (pool == NULL || length > room) return NULL;
  }
  struct rte_mbuf *first = new_piece(pool);
  struct rte_mbuf *last = first;
  if (first == NULL) return NULL;
  first->pkt_len = length;
  while (1) {
    uint32_t part = length < room ? length : room;
    memcpy(rte_pktmbuf_mtod(last, void *), bytes, part);
    last->data_len = (uint16_t)part;
    bytes += part;
    length -= part;
    if (length == 0) return first;
    struct rte_mbuf *piece = new_piece(pool);
    if (piece == NULL) {
      dpdk.rte_pktmbuf_free_bulk(&first, 1);
      return NULL;
    }
    last->next = piece;
    last = piece;
    first->nb_segs++;
  }
}

/// Has the device fill in the checksum of TCP or UDP in an Ethernet frame. -1 where there is none of them.
static int leave_checksum(struct rte_mbuf *mbuf) {
  const uint8_t *bytes = rte_pktmbuf_mtod(mbuf, const uint8_t *);
  uint32_t length = mbuf->data_len, link = 12;
  uint16_t type = 0;
  // Tags are a part of the link's header here.
  for (; link + 2 <= length; link += 4) {
    type = (uint16_t)(bytes[link] << 8 | bytes[link + 1]);
    if (type != RTE_ETHER_TYPE_VLAN && type != RTE_ETHER_TYPE_QINQ) break;
  }
  link += 2;
  const uint8_t *network = bytes + link;
  uint32_t header = type == RTE_ETHER_TYPE_IPV6 ? 40 : 20;
  if (link + header + 8 > length) return -1;
  uint8_t protocol;
  if (type == RTE_ETHER_TYPE_IPV4 && network[0] >> 4 == 4) {
    header = (network[0] & 15) * 4u;
    protocol = network[9];
    mbuf->ol_flags |= RTE_MBUF_F_TX_IPV4;
  } else if (type == RTE_ETHER_TYPE_IPV6) {
    protocol = network[6];
    mbuf->ol_flags |= RTE_MBUF_F_TX_IPV6;
  } else {
    return -1;
  }
  if ((protocol != 6 && protocol != 17) || link + header + 8 > length) return -1;
  mbuf->ol_flags |= protocol == 6 ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
  mbuf->l2_len = link;
  mbuf->l3_len = header;
  return 0;
}

/// What is to be handed to the driver for a frame, NULL when it cannot be sent.
static inline struct rte_mbuf *outgoing(struct mos_dpdk_queue *queue, const struct mos_dpdk_frame *frame) {
  struct loan *loan = find_loan(queue->memory, frame->bytes);
  if (__builtin_expect(loan != NULL, 1)) {
    struct rte_mbuf *mbuf = loan->mbuf;
    // It was sent before: its bytes may be another frame's by now.
    if (mbuf == NULL) return NULL;
    if (__builtin_expect(mbuf->nb_segs == 1 && frame->length <= mbuf->pkt_len, 1)) {
      if (frame->length < mbuf->pkt_len) {
        mbuf->pkt_len = frame->length;
        mbuf->data_len = (uint16_t)frame->length;
      }
    } else if (frame->length == mbuf->pkt_len && queue->has_multiple_segments) {
      scatter(mbuf, frame->bytes);
    } else {
      goto copied;
    }
    loan->mbuf = NULL;
    // What the receiving driver found out is no order for the sending one.
    mbuf->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
    return mbuf;
  }
copied:
  queue->counters.copied++;
  return copy(queue, frame->bytes, frame->length);
}

int mos_dpdk_send(struct mos_dpdk_queue *queue, int frames) {
  if (frames > MOS_DPDK_BURST) frames = MOS_DPDK_BURST;
  uint32_t ready = 0;
  uint64_t bytes = 0, dropped = 0, dropped_bytes = 0;
  int is_prepared = 1;
  for (int index = 0; index < frames; index++) {
    struct rte_mbuf *mbuf = outgoing(queue, queue->frames + index);
    if (__builtin_expect(queue->frames[index].leaves_checksum, 0) && mbuf != NULL) {
      is_prepared = 0;
      if (leave_checksum(mbuf) != 0) {
        dpdk.rte_pktmbuf_free_bulk(&mbuf, 1);
        mbuf = NULL;
      }
    }
    if (mbuf == NULL) {
      dropped++;
      dropped_bytes += queue->frames[index].length;
      continue;
    }
    bytes += mbuf->pkt_len;
    queue->burst[ready++] = mbuf;
  }
  uint32_t taken = 0;
  const struct rte_eth_fp_ops *driver = dpdk.fast_path + queue->port;
  // Some drivers want something else in the field. What they refuse is not taken, nor what is behind it.
  uint32_t all = ready;
  if (!is_prepared && ready > 0 && driver->tx_pkt_prepare != NULL) {
    ready = driver->tx_pkt_prepare(driver->txq.data[queue->number], queue->burst, (uint16_t)ready);
  }
  if (ready > 0) taken = driver->tx_pkt_burst(driver->txq.data[queue->number], queue->burst, (uint16_t)ready);
  if (__builtin_expect(taken < all, 0)) {
    for (uint32_t index = taken; index < all; index++) dropped_bytes += queue->burst[index]->pkt_len;
    for (uint32_t index = taken; index < all; index++) bytes -= queue->burst[index]->pkt_len;
    dropped += all - taken;
    dpdk.rte_pktmbuf_free_bulk(queue->burst + taken, all - taken);
  }
  count(&queue->counters.sent, &queue->counters.sent_bytes, taken, bytes);
  if (dropped > 0) count(&queue->counters.send_dropped, &queue->counters.send_dropped_bytes, dropped, dropped_bytes);
  return (int)taken;
}

struct mos_dpdk_counters mos_dpdk_queue_counters(const struct mos_dpdk_queue *queue) {
  struct mos_dpdk_counters counters;
  const uint64_t *from = (const uint64_t *)&queue->counters;
  uint64_t *to = (uint64_t *)&counters;
  for (size_t index = 0; index < sizeof counters / sizeof *to; index++) {
    to[index] = __atomic_load_n(from + index, __ATOMIC_RELAXED);
  }
  return counters;
}
