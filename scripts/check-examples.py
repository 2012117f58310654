#!/usr/bin/env python3
"""Builds each package of examples/, runs the commands of its README.md, and compares what they print with what is there;
then compares it with what tshark says of the same captures.

Usage: scripts/check-examples.py
"""

import collections
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TRACES = ROOT / "traces"
# One folder for all of them, so that this package is built once. A build description of another root is no use.
BUILD = ["--scratch-path", str(ROOT / ".build/examples"), "--disable-build-manifest-caching", "--quiet"]
failures = []


def fail(message):
    failures.append(message)
    print(f"check-examples: {message}", file=sys.stderr)


def equal(what, found, expected):
    if found != expected:
        fail(f"{what}:\n  found    {found}\n  expected {expected}")


def tshark(capture, fields, *options):
    """The named fields of each packet."""
    command = ["tshark", "-r", str(capture), "-T", "fields", *options, *(word for field in fields for word in ("-e", field))]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    return [dict(zip(fields, line.split("\t"))) for line in output.splitlines()]


def run(name, scratch):
    """The output of each `$ swift run` of the README."""
    outputs = {}
    package = ROOT / "examples" / name
    built = subprocess.run(["swift", "build", "--package-path", str(package), *BUILD], capture_output=True, text=True)
    if built.returncode != 0:
        fail(f"{name} does not build:\n{built.stdout}{built.stderr}")
        return outputs
    folder = scratch / "examples" / name
    folder.mkdir(parents=True)
    readme = (package / "README.md").read_text()
    for block in re.findall(r"^```console\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL):
        for command, expected in re.findall(r"^\$ swift run (.+)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            program, *arguments = command.split()
            result = subprocess.run(
                [str(ROOT / ".build/examples/debug" / program), *arguments], cwd=folder, capture_output=True, text=True)
            if result.returncode != 0 or result.stdout != expected:
                fail(f"{name}: {command}: status {result.returncode}\n{result.stdout}{result.stderr}is not\n{expected}")
            outputs[command] = result.stdout
    if not outputs:
        fail(f"{name}: no command in README.md")
    return outputs


def check_nat(outputs, folder):
    """What Linux's NAT sent, in any order, and nothing else; checksums are those that tshark calculates."""
    fields = ["ip.src", "ip.dst", "ip.id", "udp.srcport", "udp.dstport", "udp.checksum", "tcp.srcport", "tcp.dstport",
              "tcp.seq_raw", "tcp.ack_raw", "tcp.flags", "tcp.checksum", "tcp.payload", "udp.payload"]
    translated = folder / "translated.pcap"
    packets = [collections.Counter(tuple(sorted(packet.items())) for packet in tshark(capture, fields))
               for capture in (translated, TRACES / "nat-linux.pcap")]
    equal("nat: packets that leave, as Linux's NAT sent them", packets[0], packets[1])
    verify = [f"-o{name}.check_checksum:TRUE" for name in ("ip", "tcp", "udp")]
    status = ["ip.checksum.status", "tcp.checksum.status", "udp.checksum.status"]
    bad = [packet for packet in tshark(translated, status, *verify) if "1" not in packet.values() or "0" in packet.values()]
    equal("nat: packets without right checksums", bad, [])


def streams(capture):
    """What either end of each connection received, as tshark puts it together."""
    count = 1 + max(int(packet["tcp.stream"]) for packet in tshark(capture, ["tcp.stream"], "-Ytcp"))
    for number in range(count):
        command = ["tshark", "-r", str(capture), "-q", "-z", f"follow,tcp,raw,{number}"]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        ends = re.findall(r"^Node \d: (.+)$", text, re.MULTILINE)
        to_server, to_client = b"", b""
        for indent, digits in re.findall(r"^(\t?)([0-9a-f]+)$", text, re.MULTILINE):
            if indent:
                to_client += bytes.fromhex(digits)
            else:
                to_server += bytes.fromhex(digits)
        yield f"tcp {ends[0]} -> {ends[1]}", to_server, to_client


def check_ids(outputs, _):
    """Contents that are in a stream as tshark puts it together, and sources that try many ports, are reported."""
    for command, output in outputs.items():
        capture = TRACES / pathlib.Path(command.split()[-1]).name
        expected = set()
        for flow, to_server, to_client in streams(capture):
            if flow.endswith(":80"):
                expected |= {("path traversal", flow)} if b"../../" in to_server else set()
                expected |= {("password file asked for", flow)} if b"/etc/passwd" in to_server else set()
            expected |= {("a shell says that it is root's", flow)} if b"uid=0(root)" in to_client else set()
            expected |= {("curl", flow)} if b"User-Agent: curl/" in to_server else set()
        messages = {message for message, _ in expected}
        found = re.findall(r"^packet \d+: (.+) \((tcp .+)\)$", output, re.MULTILINE)
        equal(f"ids: contents in {capture.name}", {alert for alert in found if alert[0] in messages}, expected)
        targets = collections.defaultdict(set)
        for packet in tshark(capture, ["ip.src", "ip.dst", "tcp.dstport"], "-Ytcp.flags.syn == 1 && tcp.flags.ack == 0"):
            targets[packet["ip.src"]].add((packet["ip.dst"], packet["tcp.dstport"]))
        scanners = sorted(source for source, ports in targets.items() if len(ports) > 10)
        equal(f"ids: scans in {capture.name}", sorted(re.findall(r"scan: (\S+) tries", output)), scanners)
    for content in ("../../", "/etc/passwd", "uid=0(root)"):
        single = tshark(TRACES / "attacks.pcap", ["frame.number"], f'-Ytcp.payload contains "{content}"')
        equal(f"attacks.pcap: packets with all of {content}", single, [])


def account(address):
    if address in ("192.0.2.10", "192.0.2.11"):
        return {"192.0.2.10": "ada", "192.0.2.11": "ben"}[address]
    if re.fullmatch(r"192\.0\.2\.1[2-5]|2001:db8:1::[0-9a-f]+", address):
        return "cleo"
    return None


def bill(captures):
    """The table, made of the segments that tshark shows: each byte of a stream once, and what came instead of it."""
    rows = {name: [0, 0, 0, 0] for name in ("ada", "ben", "cleo")}
    fields = ["ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.stream", "tcp.srcport", "tcp.seq", "tcp.len", "tcp.payload",
              "udp.length", "ip.len", "ipv6.plen", "icmp.type", "icmpv6.type"]
    for capture in captures:
        sent = collections.defaultdict(dict)
        for packet in tshark(capture, fields, "-Ytcp || udp || icmp || icmpv6"):
            source, destination = packet["ip.src"] or packet["ipv6.src"], packet["ip.dst"] or packet["ipv6.dst"]
            owner = account(source) or account(destination)
            if not owner:
                continue
            way = 0 if account(source) else 1
            if packet["udp.length"]:
                rows[owner][way] += int(packet["udp.length"]) - 8
            elif not packet["tcp.stream"]:
                rows[owner][way] += int(packet["ip.len"]) - 28 if packet["ip.len"] else int(packet["ipv6.plen"]) - 8
            elif int(packet["tcp.len"]):
                stream, start = sent[packet["tcp.stream"], source, packet["tcp.srcport"]], int(packet["tcp.seq"])
                payload = dict(enumerate(bytes.fromhex(packet["tcp.payload"]), start))
                new = {place: byte for place, byte in payload.items() if place not in stream}
                rows[owner][way] += len(new)
                if not new:
                    rows[owner][3 if any(stream[place] != byte for place, byte in payload.items()) else 2] += len(payload)
                stream.update(new)
    return {name: [*row, row[0] + row[1] + row[3]] for name, row in rows.items()}


def check_accounting(outputs, _):
    for command, output in outputs.items():
        captures = [TRACES / pathlib.Path(path).name for path in command.split()[1:]]
        found = {name: [int(value) for value in values.split()]
                 for name, values in re.findall(r"^(ada|ben|cleo) ([\s\d]+)$", output, re.MULTILINE)}
        equal(f"flow-accounting: the bill of {command}", found, bill(captures))


def check_crafted(scratch):
    subprocess.run([sys.executable, str(TRACES / "craft.py"), str(scratch)], check=True)
    for name in ("attacks.pcap", "tunnel.pcap"):
        if (scratch / name).read_bytes() != (TRACES / name).read_bytes():
            fail(f"traces/{name} is not what traces/craft.py makes")


checks = {"flow-accounting": check_accounting, "ids": check_ids, "nat": check_nat}
with tempfile.TemporaryDirectory() as scratch:
    scratch = pathlib.Path(scratch)
    (scratch / "traces").symlink_to(TRACES)
    check_crafted(scratch)
    for name, check in checks.items():
        outputs = run(name, scratch)
        if outputs:
            check(outputs, scratch / "examples" / name)
            print(f"check-examples: {name}: {len(outputs)} commands")
if sorted(checks) != sorted(path.parent.name for path in (ROOT / "examples").glob("*/Package.swift")):
    fail("examples/ has other packages than are checked here")
sys.exit(1 if failures else 0)
