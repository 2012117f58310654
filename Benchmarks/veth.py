#!/usr/bin/env python3
"""TCP and pings between two namespaces through `mos inline --middlebox monitor`, and through dpdk-testpmd (io), in turn.

Usage: Benchmarks/veth.py [ROUNDS]          (default 3; root; iperf3)

Both forward between the same two veth interfaces with net_af_packet on one core; iperf3 and ping have the others. What matters
is the ratios.
"""
import json, os, re, signal, statistics, subprocess, sys, time

from bridge import MOS

SECONDS = 3
CLIENT, BOX, SERVER = (f"mosbench{os.getpid()}{end}" for end in "cbs")
PORTS = [f"net_af_packet{n},iface=m{n},framecnt=8192" for n in (0, 1)]


def shell(script):
    subprocess.run(["sh", "-ec", script], check=True, stdout=subprocess.DEVNULL)


def make_network():
    shell(f"""
        for n in {CLIENT} {BOX} {SERVER}; do ip netns add $n; ip -n $n link set lo up; done
        ip link add c0 netns {CLIENT} type veth peer name m0 netns {BOX}
        ip link add s0 netns {SERVER} type veth peer name m1 netns {BOX}
        ip netns exec {BOX} sysctl -qw net.ipv6.conf.all.disable_ipv6=1
        for x in {CLIENT}:c0 {BOX}:m0 {BOX}:m1 {SERVER}:s0; do
          ip netns exec ${{x%%:*}} ethtool -K ${{x##*:}} tx off rx off tso off gso off gro off sg off
          ip -n ${{x%%:*}} link set ${{x##*:}} up
        done
        ip -n {CLIENT} addr add 10.9.0.1/24 dev c0
        ip -n {SERVER} addr add 10.9.0.2/24 dev s0""")


def run(namespace, command):
    return subprocess.run(
        ["ip", "netns", "exec", namespace, *command], check=True, capture_output=True, text=True).stdout


def measure(forwarder, others):
    """Gbit/s of one flow, and the median round trip in microseconds, while a program forwards."""
    box = subprocess.Popen(
        ["ip", "netns", "exec", BOX, *forwarder], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    server = subprocess.Popen(
        ["ip", "netns", "exec", SERVER, "taskset", "-c", others, "iperf3", "-s"], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if subprocess.run(["ip", "netns", "exec", CLIENT, "ping", "-qc1", "-W1", "10.9.0.2"], stdout=subprocess.DEVNULL).returncode == 0:
                break
        report = run(CLIENT, ["taskset", "-c", others, "iperf3", "-c", "10.9.0.2", "-t", str(SECONDS), "-J"])
        rate = json.loads(report)["end"]["sum_received"]["bits_per_second"] / 1e9
        pings = run(CLIENT, ["taskset", "-c", others, "ping", "-f", "-c", "10000", "10.9.0.2"])
        trip = float(re.search(r"= [\d.]+/([\d.]+)/", pings).group(1)) * 1e3
        return rate, trip
    finally:
        server.kill()
        box.send_signal(signal.SIGINT)
        box.stdin.close()
        try:
            box.wait(timeout=15)
        except subprocess.TimeoutExpired:
            box.kill()


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    cores = sorted(os.sched_getaffinity(0))
    core, others = cores[-1], ",".join(map(str, cores[:-1])) or str(cores[0])
    common = ["--no-huge", "-m", "512", "--no-pci", "--no-shconf"]
    ours = ["taskset", "-c", str(core), MOS, "inline", "--middlebox", "monitor", "--eal", " ".join(common)]
    ours += [word for port in PORTS for word in ("--port", port)]
    theirs = ["taskset", "-c", f"{cores[0]},{core}", "dpdk-testpmd", *common, "--lcores", f"0@{cores[0]},1@{core}"]
    theirs += [f"--vdev={port}" for port in PORTS] + ["--", "--auto-start", "--forward-mode=io", "--total-num-mbufs=16384"]
    make_network()
    try:
        pairs = [(measure(ours, others), measure(theirs, others)) for _ in range(rounds)]
    finally:
        for name in (CLIENT, BOX, SERVER):
            subprocess.run(["ip", "netns", "del", name])
    for place, what, unit in ((0, "one flow", "Gbit/s"), (1, "round trip", "us")):
        mos, testpmd = (statistics.median(pair[who][place] for pair in pairs) for who in (0, 1))
        ratio = statistics.median(a[place] / b[place] for a, b in pairs)
        print(f"net_af_packet, {what}: mos inline {mos:.2f}, testpmd io {testpmd:.2f} {unit}; ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
