#!/usr/bin/env python3
"""`mos replay --tls` against what tshark says of TLS: server name, JA3, JA3S, and JA4.

  tls-compare.py --mos BIN --pcaps DIR... [--min PERCENT] [--list]

tshark of Debian 12 has no JA4: that is made here of the ciphers, extensions and algorithms that tshark gives, by FoxIO's
description. Of a connection the first hello of each kind counts. tshark looks at each packet as it comes; connections of
which it has no hello are not compared. The last line is `tls: agreed/compared`.
"""
import argparse
import collections
import hashlib
import ipaddress
import json
import pathlib
import subprocess
import sys

FIELDS = ['frame.protocols', 'ip.src', 'ip.dst', 'ipv6.src', 'ipv6.dst', 'tcp.srcport', 'tcp.dstport',
          'tls.handshake.type', 'tls.handshake.version', 'tls.handshake.extensions_server_name', 'tls.handshake.ja3',
          'tls.handshake.ja3s', 'tls.handshake.ciphersuite', 'tls.handshake.extension.type',
          'tls.handshake.sig_hash_alg', 'tls.handshake.extensions_alpn_str',
          'tls.handshake.extensions.supported_version', 'tcp.stream']
VERSIONS = {0x0304: '13', 0x0303: '12', 0x0302: '11', 0x0301: '10', 0x0300: 's3', 0x0002: 's2'}
SERVER_NAME, PROTOCOLS = 0, 16


def numbers(text):
    """Numbers without GREASE."""
    values = [int(value, 0) for value in text.split('|') if value]
    return [value for value in values if value & 0x0f0f != 0x0a0a or value >> 8 != value & 0xff]


def digest(values, rest=''):
    if not values:
        return '0' * 12
    text = ','.join(f'{value:04x}' for value in values) + rest
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def ja4(hello):
    ciphers, extensions = numbers(hello['ciphersuite']), numbers(hello['extension.type'])
    versions = numbers(hello['extensions.supported_version']) or [int(hello['version'], 0)]
    algorithms = numbers(hello['sig_hash_alg'])
    protocol = hello['extensions_alpn_str'].split('|')[0]
    kept = sorted(value for value in extensions if value not in (SERVER_NAME, PROTOCOLS))
    rest = '_' + ','.join(f'{value:04x}' for value in algorithms) if algorithms else ''
    return (f't{VERSIONS.get(max(versions), "00")}{"d" if SERVER_NAME in extensions else "i"}'
            f'{min(len(ciphers), 99):02}{min(len(extensions), 99):02}'
            f'{protocol[0] + protocol[-1] if protocol else "00"}_{digest(sorted(ciphers))}_{digest(kept, rest)}')


def ends(source, source_port, destination, destination_port):
    return tuple(sorted([(str(ipaddress.ip_address(source)), int(source_port)),
                         (str(ipaddress.ip_address(destination)), int(destination_port))]))


def theirs(capture):
    """What tshark says, by addresses and ports."""
    fields = [part for field in FIELDS for part in ('-e', field)]
    run = subprocess.run(['tshark', '-n', '-r', capture, '-Y', 'tls.handshake.type in {1,2} && tcp', '-T', 'fields',
                          '-E', 'occurrence=a', '-E', 'aggregator=|', *fields], capture_output=True, text=True)
    found = collections.defaultdict(dict)
    for line in run.stdout.splitlines():
        row = {name.removeprefix('tls.handshake.'): value for name, value in zip(FIELDS, line.split('\t'))}
        # The innermost addresses.
        is_ipv6 = row['frame.protocols'].rfind(':ipv6') > row['frame.protocols'].rfind(':ip:')
        family = 'ipv6' if is_ipv6 else 'ip'
        key = ends(row[family + '.src'].split('|')[-1], row['tcp.srcport'],
                   row[family + '.dst'].split('|')[-1], row['tcp.dstport'])
        if '1' in row['type'].split('|'):
            if row['ja3']:
                found[key].setdefault('ja3', row['ja3'])
                found[key].setdefault('ja4', ja4(row))
                found[key].setdefault('server_name', row['extensions_server_name'].split('|')[0])
        elif row['ja3s']:
            found[key].setdefault('ja3s', row['ja3s'].split('|')[0])
    return found


def ours(mos, capture):
    run = subprocess.run([mos, 'replay', '--quiet', '--tls', '--conn-log', '-', '--checksum', 'ignore', capture],
                         capture_output=True, timeout=60)
    found = collections.defaultdict(dict)
    for line in run.stdout.splitlines():
        record = json.loads(line)
        if record['proto'] != 'tcp':
            continue
        key = ends(record['id.orig_h'], record['id.orig_p'], record['id.resp_h'], record['id.resp_p'])
        for name in ('ja3', 'ja3s', 'ja4', 'server_name'):
            if name in record:
                found[key].setdefault(name, record[name])
        if 'ja3' in record:
            found[key].setdefault('server_name', '')
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--mos', required=True)
    parser.add_argument('--pcaps', required=True, nargs='+')
    parser.add_argument('--min', type=float, default=0, help='exit status 1 below it')
    parser.add_argument('--list', action='store_true', help='every disagreement')
    options = parser.parse_args()
    agreed, compared, disagreements = collections.Counter(), collections.Counter(), []
    captures = [path for folder in options.pcaps for path in sorted(pathlib.Path(folder).glob('*.pcap*'))]
    for capture in captures:
        # A replay is fast, and tshark is not: it is asked only where there is something, or could be.
        found = ours(options.mos, str(capture))
        if not found and b'\x16\x03' not in capture.read_bytes():
            continue
        expected = theirs(str(capture))
        for key in sorted(expected.keys() | found.keys()):
            for name in ('server_name', 'ja3', 'ja3s', 'ja4'):
                pair = expected.get(key, {}).get(name), found.get(key, {}).get(name)
                if pair == (None, None):
                    continue
                compared[name] += 1
                if pair[0] == pair[1]:
                    agreed[name] += 1
                else:
                    disagreements.append(f'{name}: {capture.name} {key}: tshark {pair[0]}, ours {pair[1]}')
    for disagreement in disagreements if options.list else disagreements[:20]:
        print(disagreement)
    for name in compared:
        print(f'  {name}: {agreed[name]}/{compared[name]}')
    total, all_agreed = compared.total(), agreed.total()
    percent = 100 * all_agreed / max(total, 1)
    print(f'tls: {all_agreed}/{total} ({percent:.1f}%)')
    return 0 if total and percent >= options.min else 1


if __name__ == '__main__':
    sys.exit(main())
