#!/usr/bin/env python3
"""Frames of 64 bytes through `mos inline` without middleboxes, and through dpdk-testpmd (macswap), in turn on one core.

Usage: Benchmarks/bridge.py [ROUNDS]          (default 5; each program takes some seconds a round)

Counted are frames for each second of processor time that the forwarding thread had, so that others who use the core count
less. The ports make frames up as fast as they are asked for them. What matters is the ratio.
"""
import os, re, signal, statistics, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MOS = os.path.join(ROOT, ".build/release/mos")
SECONDS = 2
DRIVERS = {"net_null": ["net_null0,size=64", "net_null1,size=64"]}


def busiest(pid):
    """The processor time of a process's busiest thread but the first, in nanoseconds."""
    times = [0]
    for task in os.listdir(f"/proc/{pid}/task"):
        if task != str(pid):
            with open(f"/proc/{pid}/task/{task}/schedstat") as file:
                times.append(int(file.read().split()[0]))
    return max(times)


def measure(command):
    """What a program printed that was interrupted, and the time that its busiest thread but the first had by then."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 60
        while busiest(process.pid) < SECONDS * 1e9 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGSTOP)
        nanoseconds = busiest(process.pid)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGCONT)
        # testpmd waits for a key, too.
        process.stdin.close()
        try:
            process.wait(timeout=30)
        finally:
            process.kill()
        output.seek(0)
        return output.read(), nanoseconds / 1e9


def rate(command, pattern):
    text, seconds = measure(command)
    counts = re.findall(pattern, text)
    if not counts or seconds < 0.1:
        sys.exit(f"{command[3]}, {seconds} s:\n{text}")
    return int(counts[-1].replace(",", "")) / seconds


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    cores = sorted(os.sched_getaffinity(0))
    core, other = cores[-1], cores[0]
    common = ["--no-huge", "-m", "256", "--no-pci", "--no-shconf"]
    for driver, ports in DRIVERS.items():
        ours = ["taskset", "-c", str(core), MOS, "inline", "--eal", " ".join(common)]
        ours += [word for port in ports for word in ("--port", port)]
        theirs = ["taskset", "-c", f"{other},{core}", "dpdk-testpmd", *common, "--lcores", f"0@{other},1@{core}"]
        theirs += [f"--vdev={port}" for port in ports]
        theirs += ["--", "--auto-start", "--forward-mode=macswap", "--no-flush-rx", "--total-num-mbufs=16384"]
        pairs = [(rate(ours, r"packets +([\d,]+)"), rate(theirs, r"RX-packets: (\d+)")) for _ in range(rounds)]
        mos, testpmd = (statistics.median(column) / 1e6 for column in zip(*pairs))
        ratio = statistics.median(a / b for a, b in pairs)
        print(f"{driver}: mos inline {mos:.1f}, testpmd macswap {testpmd:.1f} million frames a second; ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
