#!/usr/bin/env python3
"""Trace A through `mos inline --middlebox monitor` from net_pcap ports, against `mos replay` of it; and two workers against one.

Usage: Benchmarks/track-inline.py [ROUNDS]          (default 5; run.sh prepares the trace)

Counted is processor time: of the process for replay, without what a capture of one packet takes, and of the threads that
forward for inline. Each of two workers takes the trace from a queue of its own; their rate is the sum of both. What matters
is the ratios.
"""
import os, re, signal, statistics, subprocess, sys, tempfile, time

from bridge import MOS, ROOT

TRACE = os.path.join(ROOT, "Benchmarks/.cache/A.pcap")
PACKETS = 1_000_000


def threads(pid):
    """The processor time of each of a process's threads but the first, in nanoseconds, longest first."""
    times = []
    for task in os.listdir(f"/proc/{pid}/task"):
        if task != str(pid):
            with open(f"/proc/{pid}/task/{task}/schedstat") as file:
                times.append(int(file.read().split()[0]))
    return sorted(times, reverse=True)


def inline(workers):
    """Nanoseconds a packet of each worker, when all have read the trace to its end."""
    ports = [f"net_pcap0{f',rx_pcap={TRACE}' * workers}", "net_null1,size=64,no-rx=1"]
    command = [MOS, "inline", "--workers", str(workers), "--middlebox", "monitor"]
    command += ["--eal", "--no-huge -m 512 --no-pci --no-shconf"] + [word for port in ports for word in ("--port", port)]
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        times, before = [0] * workers, []
        # Who waits for packets takes a few hundredths of a core.
        while process.poll() is None and (sum(times) < 5e7 or sum(times) - sum(before) > 2e7):
            before = times
            time.sleep(0.1 * workers)
            times = threads(process.pid)[:workers]
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
        output.seek(0)
        text = output.read()
    counts = re.findall(r"packets +([\d,]+)", text)
    if not counts or int(counts[-1].replace(",", "")) != workers * PACKETS:
        sys.exit(f"track-inline: {' '.join(command)}:\n{text}")
    return [nanoseconds / PACKETS for nanoseconds in before]


def replay(one):
    """Nanoseconds a packet."""
    def cost(trace):
        process = subprocess.Popen(
            [MOS, "replay", "--middlebox", "monitor", "--quiet", "--checksum", "ignore", trace], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return usage.ru_utime + usage.ru_stime

    return (cost(TRACE) - cost(one)) * 1e9 / PACKETS


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.NamedTemporaryFile(suffix=".pcap") as one:
        with open(TRACE, "rb") as trace:
            start = trace.read(40)
            one.write(start + trace.read(int.from_bytes(start[32:36], "little")))
        one.flush()
        runs = [(inline(1)[0], inline(2), replay(one.name)) for _ in range(rounds)]
    ours, theirs = (statistics.median(run[place] for run in runs) for place in (0, 2))
    ratio = statistics.median(single / offline for single, _, offline in runs)
    scaling = statistics.median(sum(single / worker for worker in both) for single, both, _ in runs)
    print(f"net_pcap, monitor, trace A: mos inline {ours:.0f}, mos replay {theirs:.0f} ns a packet; ratio {ratio:.2f}")
    print(f"two workers: {scaling:.2f} times the packets of one")


if __name__ == "__main__":
    main()
