#!/usr/bin/env python3
"""Frames a second through `mos inline` without middleboxes, and through dpdk-testpmd (macswap) in turn, on one core.

Usage: Benchmarks/bridge.py [ROUNDS]          (default 5; both take 3 seconds a round)

Each driver's two ports give frames of 64 bytes as fast as they are asked for: net_null makes them up, net_pcap plays a file
of them over and over. What counts is the ratio: both run on the same core, one after the other.
"""
import os, re, signal, statistics, struct, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MOS = os.path.join(ROOT, ".build/release/mos")
SECONDS = 3


def capture(path):
    """A capture of 256 UDP packets in frames of 64 bytes."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number in range(256):
            frame = bytes.fromhex("020000000001" "020000000002" "0800")
            frame += struct.pack(">BBHHHBBH4s4s", 0x45, 0, 50, number, 0, 64, 17, 0, b"\x0a\0\0\1", b"\x0a\0\0\2")
            frame += struct.pack(">HHHH", 1000 + number, 2000, 30, 0) + bytes(22)
            file.write(struct.pack("<IIII", 1, number, len(frame), len(frame)) + frame)


def interrupted(command, seconds):
    """What a program printed that was interrupted after a while."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=30)[0]


def mos(ports, core):
    arguments = ["taskset", "-c", str(core), MOS, "inline", "--eal", "--no-huge -m 256"]
    text = interrupted(arguments + [word for port in ports for word in ("--port", port)], SECONDS)
    packets = re.search(r"packets +([\d,]+).* in ([\d.]+) s", text)
    if not packets:
        sys.exit(f"mos inline:\n{text}")
    return int(packets[1].replace(",", "")) / float(packets[2])


def testpmd(ports, core, other):
    arguments = ["dpdk-testpmd", "--no-huge", "-m", "256", "--no-pci", "--no-shconf", "--lcores", f"0@{other},1@{core}"]
    arguments += [f"--vdev={port}" for port in ports]
    arguments += ["--", "--auto-start", "--forward-mode=macswap", "--no-flush-rx", "--total-num-mbufs=16384", "--stats-period=1"]
    text = interrupted(arguments, SECONDS + 1)
    rates = [int(rate) for rate in re.findall(r"Rx-pps: +(\d+)", text)]
    # A pair for each second; the first one is not whole.
    seconds = [sum(pair) for pair in zip(rates[::2], rates[1::2])][1:]
    if not seconds:
        sys.exit(f"dpdk-testpmd:\n{text}")
    return statistics.median(seconds)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    cores = sorted(os.sched_getaffinity(0))
    core, other = cores[-1], cores[0]
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "frames.pcap")
        capture(file)
        rows = {
            "net_null": ["net_null0,size=64", "net_null1,size=64"],
            "net_pcap": [f"net_pcap{n},rx_pcap={file},infinite_rx=1,tx_drop=1" for n in (0, 1)],
        }
        rows["net_pcap"] = [port.replace(",tx_drop=1", "") for port in rows["net_pcap"]]
        for name, ports in rows.items():
            pairs = [(mos(ports, core), testpmd(ports, core, other)) for _ in range(rounds)]
            ours, theirs = (statistics.median(column) for column in zip(*pairs))
            ratio = statistics.median(a / b for a, b in pairs)
            print(f"{name:10} mos inline {ours / 1e6:6.1f} M/s   testpmd macswap {theirs / 1e6:6.1f} M/s   ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
