#!/usr/bin/env python3
"""Compares how `mos replay --middlebox nat` and tayga translate between IPv6 and IPv4, packet by packet.

tayga runs in a network namespace of its own. Where it is not there, or may not make a namespace, it is said and nothing is
compared. Of IPv4 headers what each is free to choose is left out: identification, don't-fragment, and so the checksum, which
must be right.
"""
import ipaddress
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

MOS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../.build/release/mos')
HOST, POOL, REMOTE = '2001:db8::1', '198.51.100.64', '203.0.113.1'
# What tayga drops although RFC 7915 4.2 and 5.2 translate it.
LEFT_OUT = ('ICMP error 12', 'ICMPv6 error 4, 0', 'ICMPv6 error 1, 3')
PREFIX, ROUTER = '2001:db8:64::', '192.0.2.9'


def embedded(address):
    return str(ipaddress.ip_address(int(ipaddress.ip_address(PREFIX)) + int(ipaddress.ip_address(address))))


def checksum(data):
    data += b'\0' * (len(data) & 1)
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def packed(address):
    return ipaddress.ip_address(address).packed


def pseudo(source, destination, protocol, length):
    return packed(source) + packed(destination) + struct.pack('!IHBB', length, 0, 0, protocol)


def udp(source, destination, ports, payload, zero=False):
    datagram = struct.pack('!HHHH', *ports, 8 + len(payload), 0) + payload
    value = checksum(pseudo(source, destination, 17, len(datagram)) + datagram) or 0xffff
    return datagram[:6] + struct.pack('!H', 0 if zero else value) + datagram[8:]


def tcp(source, destination, ports, flags, options=b'', payload=b''):
    segment = struct.pack('!HHIIHHHH', *ports, 1000, 2000, (20 + len(options)) // 4 << 12 | flags, 8192, 0, 0)
    segment += options + payload
    value = checksum(pseudo(source, destination, 6, len(segment)) + segment)
    return segment[:16] + struct.pack('!H', value) + segment[18:]


def icmp(kind, code, rest, payload, ends=None):
    message = struct.pack('!BBH', kind, code, 0) + rest + payload
    value = checksum((pseudo(*ends, 58, len(message)) if ends else b'') + message)
    return message[:2] + struct.pack('!H', value) + message[4:]


def v6(source, destination, protocol, contents, hops=64, traffic=0):
    word = 6 << 28 | traffic << 20
    return struct.pack('!IHBB', word, len(contents), protocol, hops) + packed(source) + packed(destination) + contents


def v4(source, destination, protocol, contents, hops=64, tos=0, flags=0x4000, options=b''):
    header = struct.pack('!BBHHHBBH', 0x45 + len(options) // 4, tos, 20 + len(options) + len(contents), 7, flags, hops,
                         protocol, 0) + packed(source) + packed(destination) + options
    return header[:10] + struct.pack('!H', checksum(header)) + header[12:] + contents


def packets():
    """Names and packets; the first three begin mappings."""
    far = embedded(REMOTE)
    out, back = (HOST, far), (REMOTE, POOL)
    text = bytes(range(64))
    echo = struct.pack('!HH', 5000, 3)
    options = bytes.fromhex('020405b40402080a0000000100000000')
    yield 'UDP from IPv6', v6(*out, 17, udp(*out, (5000, 53), text), traffic=0xb8)
    yield 'TCP from IPv6', v6(*out, 6, tcp(*out, (5000, 80), 2, options), hops=255)
    yield 'echo request', v6(*out, 58, icmp(128, 0, echo, text, out))
    yield 'options before UDP', v6(*out, 60, bytes([17, 0, 1, 4, 0, 0, 0, 0]) + udp(*out, (5000, 53), text))
    yield 'empty UDP', v6(*out, 17, udp(*out, (5000, 53), b''))
    yield 'UDP of 1,300 bytes', v6(*out, 17, udp(*out, (5000, 53), text * 20))
    yield 'UDP from IPv4', v4(*back, 17, udp(*back, (53, 5000), text), tos=0xb8)
    yield 'UDP with options', v4(*back, 17, udp(*back, (53, 5000), text), options=bytes([148, 4, 0, 0]))
    yield 'TCP from IPv4', v4(*back, 6, tcp(*back, (80, 5000), 0x12, options))
    yield 'echo reply', v4(*back, 1, icmp(0, 0, echo, text))
    quoted = v4(POOL, REMOTE, 17, udp(POOL, REMOTE, (5000, 53), text), hops=60, flags=0)
    for kind, code, rest in [(3, code, 0) for code in (0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15)] + [
            (3, 4, 1400), (3, 4, 1500), (11, 0, 0), (11, 1, 0)] + [(12, 0, at << 24) for at in (0, 1, 2, 8, 9, 12, 16)]:
        yield (f'ICMP error {kind}, {code}, {rest:#x}',
               v4(ROUTER, POOL, 1, icmp(kind, code, struct.pack('!I', rest), quoted), flags=0))
    answered = v6(far, HOST, 17, udp(far, HOST, (53, 5000), text), hops=60)
    for kind, code, rest in [(1, code, 0) for code in range(5)] + [(2, 0, 1400), (3, 0, 0), (3, 1, 0), (4, 1, 6)] + [
            (4, 0, at) for at in (0, 1, 4, 5, 6, 7, 8, 24)]:
        yield (f'ICMPv6 error {kind}, {code}, {rest}',
               v6(*out, 58, icmp(kind, code, struct.pack('!I', rest), answered, out)))


def by_tayga(all_packets, folder):
    """What tayga makes of each packet; in the namespace."""
    with open(os.path.join(folder, 'tayga.conf'), 'w') as file:
        file.write(f'tun-device translator\nipv4-addr 192.0.2.254\nipv6-addr 2001:db8:ffff::1\nprefix {PREFIX}/96\n'
                   f'map {POOL} {HOST}\ndata-dir {folder}\n')
    config = ['-c', file.name]
    subprocess.run(['tayga', *config, '--mktun'], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run(['ip', 'link', 'set', 'translator', 'up'], check=True)
    tayga = subprocess.Popen(['tayga', *config, '--nodetach'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        wire.bind(('translator', 3))
        time.sleep(1)
        for _, packet in all_packets:
            kind = 0x0800 if packet[0] >> 4 == 4 else 0x86dd
            wire.sendto(packet, ('translator', kind))
            made, until = None, time.time() + 0.3
            while made is None and time.time() < until:
                if not select.select([wire], [], [], 0.05)[0]:
                    continue
                bytes_, address = wire.recvfrom(65_535)
                # What the kernel sends by itself goes out, as what is sent here does.
                if address[2] != socket.PACKET_OUTGOING:
                    made = bytes_
            yield made
    finally:
        tayga.terminate()
        tayga.wait()


def pcap(path, all_packets):
    with open(path, 'wb') as file:
        file.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65_535, 1))
        for index, packet in enumerate(all_packets):
            kind = 0x0800 if packet[0] >> 4 == 4 else 0x86dd
            frame = bytes.fromhex('020000000002020000000001') + struct.pack('!H', kind) + packet
            file.write(struct.pack('<IIII', 1, index, len(frame), len(frame)) + frame)


def frames(path):
    with open(path, 'rb') as file:
        data = file.read()
    at = 24
    while at < len(data):
        length = struct.unpack_from('<I', data, at + 8)[0]
        yield data[at + 16 + 14:at + 16 + length]
        at += 16 + length


def by_mos(all_packets, folder):
    """What the NAT makes of each packet, behind those that begin the mappings."""
    config, source, target = (os.path.join(folder, name) for name in ('nat.yaml', 'in.pcap', 'out.pcap'))
    with open(config, 'w') as file:
        file.write(f'nat64: {{prefix: "{PREFIX}/96", pool: {POOL}}}\nfiltering: endpoint-independent\n')
    begin = [packet for _, packet in all_packets[:3]]
    for index, (_, packet) in enumerate(all_packets):
        before = begin[:index] if index < 3 else begin
        pcap(source, before + [packet])
        subprocess.run([MOS, 'replay', '--quiet', '--middlebox', 'nat', '--config', config, '--write-pcap', target, source],
                       check=True)
        made = list(frames(target))[len(before):]
        yield made[0] if made else None


def comparable(packet):
    """A packet without what may differ. The ICMP checksum over what is quoted stays: it does not depend on that."""
    if packet is None or packet[0] >> 4 == 6:
        return packet
    if checksum(packet[:20]) != 0:
        return b'wrong header checksum'
    rest = packet[20:]
    if packet[9] == 1 and rest[0] in (3, 11, 12):
        rest = rest[:8] + comparable(rest[8:])
    return packet[:4] + b'\0' * 4 + packet[8:10] + b'\0\0' + rest


def main():
    if '--inside' not in sys.argv:
        inside = ['unshare', '--user', '--map-root-user', '--net', sys.executable, os.path.abspath(__file__), '--inside']
        possible = shutil.which('tayga') and shutil.which('ip') and shutil.which('unshare')
        if not possible or subprocess.run(inside[:4] + ['true'], stderr=subprocess.DEVNULL).returncode != 0:
            print('tayga-compare: tayga is absent, or there is no network namespace for it: skipped')
            return
        sys.exit(subprocess.run(inside).returncode)
    all_packets = list(packets())
    failed = left_out = 0
    with tempfile.TemporaryDirectory() as folder:
        theirs = list(by_tayga(all_packets, folder))
        for (name, _), one, other in zip(all_packets, by_mos(all_packets, folder), theirs):
            if other is None and name.startswith(LEFT_OUT):
                left_out += 1
            elif comparable(one) != comparable(other):
                failed += 1
                print(f'{name}:\n  mos   {one and one.hex()}\n  tayga {other and other.hex()}')
    print(f'tayga-compare: {len(all_packets)} packets, {failed} differ, {left_out} that tayga does not translate')
    sys.exit(1 if failed else 0)


main()
