#ifndef CDPDK_H
#define CDPDK_H

#include <stddef.h>
#include <stdint.h>

// A thin layer over DPDK that shows none of its types. Functions that can fail return 0 or -1, and say why in a
// `mos_dpdk_failure`. DPDK's libraries are loaded by `mos_dpdk_load` and not when the process starts: with what they bring
// along that takes longer than a short replay.

/// Why something failed: one line.
struct mos_dpdk_failure {
  char text[512];
};

/// Memory for frames, and the frames that queues which use it have given out. One thread's.
struct mos_dpdk_memory;

/// A queue pair of a port: where frames are received and sent. One thread's.
struct mos_dpdk_queue;

/// A frame that was received, or is to be sent.
struct mos_dpdk_frame {
  const void *bytes;
  /// When it was received, in nanoseconds since 1970; not looked at where a frame is sent.
  int64_t nanoseconds;
  uint32_t length;
  /// The device has found the checksums of IPv4 and of TCP or UDP in it right.
  uint8_t has_right_checksums;
  /// The sender has left the checksum of TCP or UDP to the device: the field has the sum of the pseudo-header.
  uint8_t leaves_checksum;
};

/// The most frames that are received or sent at a time.
#define MOS_DPDK_BURST 512

/// The longest frame that is received or sent, in bytes.
#define MOS_DPDK_FRAME_LIMIT 65536

/// What a queue counted.
struct mos_dpdk_counters {
  uint64_t received, received_bytes;
  uint64_t sent, sent_bytes;
  uint64_t receive_dropped, receive_dropped_bytes;
  uint64_t send_dropped, send_dropped_bytes;
  /// Of the frames sent, those that had to be copied.
  uint64_t copied;
};

/// What a port is and can do.
struct mos_dpdk_port_info {
  char driver[64];
  uint8_t address[6];
  uint16_t receive_queues, send_queues;
  uint16_t mtu;
  /// The NUMA node, -1 for none.
  int32_t socket;
  /// What the port was started with.
  uint8_t has_scatter, has_multiple_segments, has_symmetric_hash, is_promiscuous, has_capture_time, verifies_checksums;
  /// Checksums of TCP and UDP that were left to the device are filled in.
  uint8_t fills_in_checksums;
  /// Frames are stamped by a clock of the device, which can be read.
  uint8_t has_clock;
};

/// How a port is to be started.
struct mos_dpdk_port_options {
  uint16_t queues;
  uint16_t receive_descriptors, send_descriptors;
  /// 0 for what the driver has.
  uint16_t mtu;
};

/// The state of a link.
struct mos_dpdk_link {
  uint8_t is_up, is_full_duplex;
  /// Mbit/s; UINT32_MAX where unknown.
  uint32_t speed;
};

/// What a port's driver counted; `rte_eth_stats`.
struct mos_dpdk_port_counters {
  uint64_t received, received_bytes, sent, sent_bytes, missed, receive_errors, send_errors, no_memory;
};

/// How a device's clock goes, by comparison with the system's; zeroes before the first one. What its ticks are is the device's.
struct mos_dpdk_clock {
  uint64_t ticks;
  /// At these ticks, in nanoseconds: of a clock that is never set, and since 1970.
  int64_t steady, wall;
  /// Nanoseconds a tick; 0 where that is unknown: there was no second comparison, or the clock stood still or was set.
  double rate;
  uint8_t has_begun;
};

/// Compares: it showed `ticks` when the system's clocks showed `steady` and `wall`.
void mos_dpdk_clock_compare(struct mos_dpdk_clock *clock, uint64_t ticks, int64_t steady, int64_t wall);

/// The time of a stamp in nanoseconds since 1970; `now` where that is unknown or cannot be.
int64_t mos_dpdk_clock_time(const struct mos_dpdk_clock *clock, uint64_t stamp, int64_t now);

/// Loads DPDK's libraries and finds their functions. The following may be called only if it returned 0.
int mos_dpdk_load(struct mos_dpdk_failure *failure);

/// Initialises the environment abstraction layer, once a process. What DPDK has to say at `level` (1 emergency to 8
/// debug) goes to standard error; at 0 it is kept quiet, and the failure has its first line.
int mos_dpdk_start(int count, char **arguments, int level, struct mos_dpdk_failure *failure);

/// Ends it: nothing of the following may be called any more.
void mos_dpdk_stop(void);

/// Of the cores that this process may run on, the one at `place` from 0; -1 where there are not so many.
int mos_dpdk_core(int place);

/// The NUMA node of the core that the calling thread runs on; -1 where the system does not say.
int mos_dpdk_node(void);

/// Binds the calling thread to a core. 0, or -1.
int mos_dpdk_bind_thread(int core);

/// Cores of a machine, a bit each.
struct mos_dpdk_cores {
  uint64_t set[16];
};

/// The cores that the calling thread may run on. 0, or -1.
int mos_dpdk_thread_cores(struct mos_dpdk_cores *cores);

/// Has the calling thread run on these. 0, or -1.
int mos_dpdk_set_thread_cores(const struct mos_dpdk_cores *cores);

/// Has the calling thread's sleeps end when they are over, and not 50 µs later.
void mos_dpdk_sleep_exactly(void);

/// Makes the calling thread known, so that it has a cache of each memory pool. 0 where there are too many threads.
int mos_dpdk_register_thread(void);

/// Forgets the calling thread.
void mos_dpdk_unregister_thread(void);

/// Memory for `count` frames of up to `frame_bytes` in one piece, of the NUMA node `socket`, -1 for any; longer ones are chained.
struct mos_dpdk_memory *mos_dpdk_memory_create(
  const char *name, uint32_t count, uint32_t frame_bytes, int socket, struct mos_dpdk_failure *failure);

/// Gives it back. All queues that use it have to be closed.
void mos_dpdk_memory_free(struct mos_dpdk_memory *memory);

/// Frames that are in use, by queues, by drivers, or lent.
uint32_t mos_dpdk_memory_used(const struct mos_dpdk_memory *memory);

/// Attaches a device, such as `net_null0` or `0000:01:00.0`, and says which port it is.
int mos_dpdk_attach(const char *arguments, uint16_t *port, struct mos_dpdk_failure *failure);

/// Says what a port is; what it was started with is left as it is.
int mos_dpdk_describe(uint16_t port, struct mos_dpdk_port_info *info, struct mos_dpdk_failure *failure);

/// Configures and starts a port, queue pair n with `memories[n]`, and fills in what it was started with.
int mos_dpdk_port_start(
  uint16_t port, const struct mos_dpdk_port_options *options, struct mos_dpdk_memory *const *memories,
  struct mos_dpdk_port_info *info, struct mos_dpdk_failure *failure);

/// Stops a port and takes it off its bus. Its queues have to be closed.
void mos_dpdk_port_close(uint16_t port, const char *arguments);

/// The state of a port's link.
struct mos_dpdk_link mos_dpdk_port_link(uint16_t port);

/// What a port's driver counted.
struct mos_dpdk_port_counters mos_dpdk_port_counters(uint16_t port);

/// How many more counters the driver has.
int mos_dpdk_xstats_count(uint16_t port);

/// Their names, of 64 bytes each with a 0 at the end, and values, `count` of each. Returns how many there are.
int mos_dpdk_xstats(uint16_t port, int count, char *names, uint64_t *values);

/// Queue pair `number` of a started port, whose frames come from `memory`. NULL when there is no memory.
struct mos_dpdk_queue *mos_dpdk_queue_open(uint16_t port, uint16_t number, struct mos_dpdk_memory *memory);

/// Takes back what the queue has lent, and frees it.
void mos_dpdk_queue_close(struct mos_dpdk_queue *queue);

/// Where `receive` puts frames and `send` takes them from: `MOS_DPDK_BURST` of them.
struct mos_dpdk_frame *mos_dpdk_queue_frames(struct mos_dpdk_queue *queue);

/// Takes back what was lent before and not sent since, and lends up to `capacity` frames.
int mos_dpdk_receive(struct mos_dpdk_queue *queue, int capacity);

/// Sends the first `count` of the queue's frames, those that were lent without copying them. Returns how many were taken.
int mos_dpdk_send(struct mos_dpdk_queue *queue, int count);

/// What the queue counted. Any thread may ask.
struct mos_dpdk_counters mos_dpdk_queue_counters(const struct mos_dpdk_queue *queue);

#endif
