#!/usr/bin/env python3
"""Makes attacks.pcap and tunnel.pcap in this folder again, byte by byte the same: what no ordinary program sends.

Usage: traces/craft.py [OUTPUT-FOLDER]
"""
import pathlib, socket, struct, sys

SERVER = '198.51.100.80'
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def checksum(data):
    total = sum(struct.unpack('>%dH' % (len(data) // 2), data[:len(data) & ~1])) + (data[-1] << 8 if len(data) % 2 else 0)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Capture:
    """A capture file in which each frame comes a millisecond behind the one before."""

    def __init__(self, path):
        self.file = open(path, 'wb')
        self.file.write(struct.pack('<IHHiIII', 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        self.milliseconds = 1_700_000_000_000
        self.identifier = 0

    def ip(self, source, destination, protocol, segment, checksum_offset):
        """Writes an Ethernet frame with an IPv4 packet; the checksum of what it carries is filled in."""
        addresses = socket.inet_aton(source) + socket.inet_aton(destination)
        pseudo = addresses + struct.pack('>BBH', 0, protocol, len(segment))
        segment = bytearray(segment)
        struct.pack_into('>H', segment, checksum_offset, checksum(pseudo + bytes(segment)))
        self.identifier += 1
        header = bytearray(struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(segment), self.identifier, 0x4000, 64, protocol, 0))
        header += addresses
        struct.pack_into('>H', header, 10, checksum(header))
        frame = bytes.fromhex('020000000102020000000101') + b'\x08\x00' + bytes(header + segment)
        seconds, rest = divmod(self.milliseconds, 1000)
        self.file.write(struct.pack('<IIII', seconds, rest * 1000, len(frame), len(frame)) + frame)
        self.milliseconds += 1

    def tcp(self, source, destination, sequence, acknowledgment, flags, payload=b''):
        header = struct.pack('>HHIIBBHHH', source[1], destination[1], sequence, acknowledgment, 0x50, flags, 64240, 0, 0)
        self.ip(source[0], destination[0], 6, header + payload, 16)

    def udp(self, source, destination, payload):
        header = struct.pack('>HHHH', source[1], destination[1], 8 + len(payload), 0)
        self.ip(source[0], destination[0], 17, header + payload, 6)


class Connection:
    """A TCP connection whose segments are sent one by one; offsets count from the first byte of a direction."""

    def __init__(self, capture, client, server):
        self.capture, self.ends, self.first = capture, (client, server), (1_000_000, 2_000_000)
        self.sent = [0, 0]
        self.raw(0, -1, SYN)
        self.raw(1, -1, SYN | ACK)
        self.acknowledge(0)

    def raw(self, side, offset, flags, payload=b''):
        acknowledgment = self.first[1 - side] + self.sent[1 - side] if flags & ACK else 0
        self.capture.tcp(self.ends[side], self.ends[1 - side], self.first[side] + offset, acknowledgment, flags, payload)

    def acknowledge(self, side):
        self.raw(side, self.sent[side], ACK)

    def send(self, side, payload, at=None):
        """Sends bytes, the next ones unless a place is given."""
        offset = self.sent[side] if at is None else at
        self.raw(side, offset, PSH | ACK, payload)
        self.sent[side] = max(self.sent[side], offset + len(payload))

    def close(self):
        for side in (0, 1):
            self.raw(side, self.sent[side], FIN | ACK)
            self.sent[side] += 1
        self.acknowledge(0)


def attacks(capture):
    """What an intrusion detection system is to find, and a harmless request between."""
    plain = Connection(capture, ('192.0.2.10', 50001), (SERVER, 80))
    plain.send(0, b'GET /index.html HTTP/1.1\r\nHost: www.example\r\n\r\n')
    plain.send(1, b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')
    plain.close()

    # Five bytes a segment; two come in the wrong order, one twice.
    cut = Connection(capture, ('192.0.2.66', 50002), (SERVER, 80))
    request = b'GET /cgi-bin/show?page=../../../etc/passwd HTTP/1.0\r\n\r\n'
    pieces = [(at, request[at:at + 5]) for at in range(0, len(request), 5)]
    pieces[5], pieces[6] = pieces[6], pieces[5]
    for at, piece in pieces[:8] + pieces[7:]:
        cut.send(0, piece, at)
    cut.send(1, b'HTTP/1.0 200 OK\r\n\r\nroot:x:0:0:root:/root:/bin/sh\n')
    cut.close()

    # What a shell answers, cut in the middle of the word.
    shell = Connection(capture, ('192.0.2.66', 50003), (SERVER, 4444))
    shell.send(0, b'id\n')
    shell.send(1, b'uid=0(ro')
    shell.send(1, b'ot) gid=0(root)\n')
    shell.close()

    # One range in two versions: hosts differ in which one they take.
    double = Connection(capture, ('192.0.2.66', 50004), (SERVER, 80))
    double.send(0, b'index.html HTTP/1.0\r\n\r\n', 5)
    double.send(0, b'secret.htm HTTP/1.0\r\n\r\n', 5)
    double.send(0, b'GET /', 0)
    double.acknowledge(1)
    double.close()

    for port in range(20, 35):
        scanner, target = ('192.0.2.66', 51000 + port), (SERVER, port)
        capture.tcp(scanner, target, 1, 0, SYN)
        capture.tcp(target, scanner, 0, 2, RST | ACK)
    for host in range(1, 41):
        capture.tcp(('203.0.113.%d' % host, 52000), (SERVER, 443), 1, 0, SYN)


def tunnel(capture):
    """Retransmissions of the honest kind and of the other."""
    honest = Connection(capture, ('192.0.2.10', 50001), (SERVER, 80))
    honest.send(0, b'GET /page HTTP/1.0\r\n\r\n')
    page = [b'%04d' % number * 250 for number in range(8)]
    for number, part in enumerate(page):
        honest.send(1, part)
        if number == 2:
            honest.send(1, part, 1000 * number)  # Before it is acknowledged.
        honest.acknowledge(0)
        if number == 5:
            honest.send(1, part, 1000 * number)  # Its acknowledgment was lost.
            honest.acknowledge(0)
    honest.close()

    # An hour of somebody else's film in the place of 200 bytes.
    thief = Connection(capture, ('192.0.2.11', 50002), (SERVER, 443))
    thief.send(0, b'?' * 200)
    for number in range(6):
        thief.send(0, b'%04d' % number * 50, 0)
        if number == 2:
            thief.acknowledge(1)
    thief.send(1, b'!' * 300)
    thief.acknowledge(0)
    for number in range(4):
        thief.send(1, b'%04d' % (9 - number) * 75, 0)
    thief.close()

    capture.udp(('192.0.2.12', 53000), ('198.51.100.53', 53), b'a query of a subscriber')
    capture.udp(('198.51.100.53', 53), ('192.0.2.12', 53000), b'and the answer to it')
    capture.udp(('203.0.113.5', 53000), ('198.51.100.53', 53), b'nobody is billed')


folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
attacks(Capture(folder / 'attacks.pcap'))
tunnel(Capture(folder / 'tunnel.pcap'))
