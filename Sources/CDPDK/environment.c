// For the functions that say which cores there are.
#define _GNU_SOURCE
#include "internal.h"

#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

// What DPDK logs while it is kept quiet: a few lines, of which the first says why something failed.
static char log_text[4096];
static FILE *quiet_log;

void dpdk_forget_log(void) {
  if (quiet_log == NULL) return;
  fflush(quiet_log);
  rewind(quiet_log);
  memset(log_text, 0, sizeof log_text);
}

// The first line of the log: those behind it say what failed because of it.
static const char *first_line(void) {
  if (quiet_log == NULL) return NULL;
  fflush(quiet_log);
  log_text[sizeof log_text - 1] = 0;
  char *line = log_text + strspn(log_text, " \n");
  size_t length = strcspn(line, "\n");
  while (length > 0 && (line[length - 1] == '.' || line[length - 1] == ' ')) length--;
  line[length] = 0;
  return *line == 0 ? NULL : line;
}

int dpdk_fail(struct mos_dpdk_failure *failure, int error, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(failure->text, sizeof failure->text, format, arguments);
  va_end(arguments);
  if (length < 0 || (size_t)length >= sizeof failure->text) return -1;
  const char *line = first_line();
  if (line == NULL) line = dpdk.rte_strerror(error < 0 ? -error : error);
  snprintf(failure->text + length, sizeof failure->text - (size_t)length, ": %s", line);
  dpdk_forget_log();
  return -1;
}

int mos_dpdk_start(int count, char **arguments, int level, struct mos_dpdk_failure *failure) {
  if (level == 0) {
    quiet_log = fmemopen(log_text, sizeof log_text, "w");
    if (quiet_log != NULL) {
      dpdk.rte_openlog_stream(quiet_log);
      level = RTE_LOG_ERR;
    }
  }
  if (level != 0) dpdk.rte_log_set_global_level((uint32_t)level);
  // With arguments that it does not take, it prints all that it would.
  int output = -1;
  if (quiet_log != NULL) {
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    fflush(stdout);
    output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (nothing >= 0 && output >= 0) dup2(nothing, STDOUT_FILENO);
    if (nothing >= 0) close(nothing);
  }
  int result = dpdk.rte_eal_init(count, arguments);
  if (output >= 0) {
    fflush(stdout);
    dup2(output, STDOUT_FILENO);
    close(output);
  }
  if (result < 0) return dpdk_fail(failure, dpdk_errno(), "DPDK does not start");
  dpdk_forget_log();
  return 0;
}

void mos_dpdk_stop(void) {
  dpdk.rte_eal_cleanup();
}

int mos_dpdk_core(int place) {
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) return -1;
  for (int core = 0; core < CPU_SETSIZE; core++) {
    if (CPU_ISSET(core, &cores) && place-- == 0) return core;
  }
  return -1;
}

int mos_dpdk_node(void) {
  unsigned node;
  return getcpu(NULL, &node) == 0 ? (int)node : -1;
}

int mos_dpdk_bind_thread(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  return sched_setaffinity(0, sizeof cores, &cores);
}

_Static_assert(sizeof(struct mos_dpdk_cores) == sizeof(cpu_set_t), "as many cores as the system knows");

int mos_dpdk_thread_cores(struct mos_dpdk_cores *cores) {
  return sched_getaffinity(0, sizeof *cores, (cpu_set_t *)cores);
}

int mos_dpdk_set_thread_cores(const struct mos_dpdk_cores *cores) {
  return sched_setaffinity(0, sizeof *cores, (const cpu_set_t *)cores);
}

void mos_dpdk_sleep_exactly(void) {
  prctl(PR_SET_TIMERSLACK, 1);
}

int mos_dpdk_register_thread(void) {
  return dpdk.rte_thread_register();
}

void mos_dpdk_unregister_thread(void) {
  dpdk.rte_thread_unregister();
}
