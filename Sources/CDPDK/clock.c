#include "internal.h"

#include <math.h>

/// A rate that differs from the last one by more is not one of the same clock without a step between.
#define LARGEST_DRIFT 1e-3
/// What a stamp can be away from the last comparison and from now, in nanoseconds.
#define PLAUSIBLE 1e10
/// Between two comparisons: before the rate is known, and then.
#define FIRST_PERIOD 10000000
#define PERIOD 1000000000
/// How long reading the device's clock may take to be of use, in nanoseconds, and how often it is tried.
#define LONGEST_READING 50000
#define READINGS 3

void mos_dpdk_clock_compare(struct mos_dpdk_clock *clock, uint64_t ticks, int64_t steady, int64_t wall) {
  double rate = 0;
  if (clock->has_begun) {
    // Whatever its width, it wraps at 64 bits or is seen to go back.
    int64_t passed = (int64_t)(ticks - clock->ticks);
    if (passed > 0 && steady > clock->steady) rate = (double)(steady - clock->steady) / (double)passed;
    if (clock->rate != 0 && fabs(rate / clock->rate - 1) > LARGEST_DRIFT) rate = 0;
  }
  *clock = (struct mos_dpdk_clock){ticks, steady, wall, rate, 1};
}

int64_t mos_dpdk_clock_time(const struct mos_dpdk_clock *clock, uint64_t stamp, int64_t now) {
  double passed = (double)(int64_t)(stamp - clock->ticks) * clock->rate;
  if (clock->rate == 0 || fabs(passed) > PLAUSIBLE) return now;
  int64_t time = clock->wall + (int64_t)passed;
  // Nothing comes from the future; what seems to do so, or is too old, says that one of the clocks was set.
  return time > now || now - time > (int64_t)PLAUSIBLE ? now : time;
}

static int64_t read_system(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

uint8_t dpdk_has_clock[RTE_MAX_ETHPORTS];

/// Queues of a device do not ask it at the same time.
static char is_asked[RTE_MAX_ETHPORTS];

void dpdk_clock_keep(struct mos_dpdk_clock *clock, uint16_t port, int64_t now) {
  // Also where the system's clock was set back.
  uint64_t passed = (uint64_t)now - (uint64_t)clock->wall;
  if (clock->has_begun && passed < (clock->rate == 0 ? FIRST_PERIOD : PERIOD)) return;
  if (__atomic_test_and_set(&is_asked[port], __ATOMIC_ACQUIRE)) return;
  for (int reading = 0; reading < READINGS; reading++) {
    uint64_t ticks;
    int64_t before = read_system(CLOCK_MONOTONIC);
    if (dpdk.rte_eth_read_clock(port, &ticks) != 0) break;
    int64_t wall = read_system(CLOCK_REALTIME);
    int64_t after = read_system(CLOCK_MONOTONIC);
    if (after - before > LONGEST_READING) continue;
    mos_dpdk_clock_compare(clock, ticks, before + (after - before) / 2, wall - (after - before) / 2);
    break;
  }
  __atomic_clear(&is_asked[port], __ATOMIC_RELEASE);
}
