#!/usr/bin/env python3
"""Counts instructions, retains, releases and allocations of `mos replay`, and fails above thresholds.json.

Two generated traces of different lengths are replayed under callgrind; the difference is what the additional packets
cost, without the start-up. The same again with --conn-log: what a connection record costs more. The counts are exact,
so the thresholds can be close. thresholds.json has a row for a Swift version where it differs from the default.
"""
import json
import os
import re
import subprocess
import sys

import arccount

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(HERE, '.cache')
BUILT = os.path.join(HERE, '../.build/release/mos')
# Without debug information, which Debian 12's valgrind cannot read when Swift made it.
MOS = os.path.join(CACHE, 'mos')
FLOWS = (10_000, 20_000)
PACKETS = 10 * (FLOWS[1] - FLOWS[0])
OPTIONS = ['replay', '--checksum', 'ignore', '--quiet']
COUNTED = {'swift_retain': ('swift_retain', 'swift_bridgeObjectRetain'),
           'swift_release': ('swift_release', 'swift_bridgeObjectRelease'),
           'swift_allocObject': ('swift_allocObject',),
           'malloc': ('malloc', 'calloc', 'realloc', 'posix_memalign', 'aligned_alloc')}
# A table that grows is no cost of a packet, a full buffer that is written none of a record: what happens less than once
# in a thousand packets, or in a hundred records, counts as none.
NOISE = {'packet': 0.001, 'record': 0.01}


def trace(flows):
    path = os.path.join(CACHE, f'A{flows}.pcap')
    if not os.path.exists(path):
        subprocess.run([sys.executable, os.path.join(HERE, 'genpcap.py'), 'A', path + '.part', str(flows)], check=True,
                       stdout=subprocess.DEVNULL)
        os.replace(path + '.part', path)
    return path


def callgrind(name, flows, options):
    out = os.path.join(CACHE, f'callgrind.{name}.{flows}')
    result = subprocess.run(['valgrind', '--tool=callgrind', f'--callgrind-out-file={out}', MOS, *OPTIONS, *options,
                             trace(flows)], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f'check-thresholds: mos {" ".join(OPTIONS + options)} failed\n{result.stdout}{result.stderr}')
    return out


def measure(name, options):
    """Instructions, and calls of each counted group, a packet."""
    short, long = (callgrind(name, flows, options) for flows in FLOWS)
    instructions, calls = arccount.difference(long, short, PACKETS)
    return instructions, {group: sum(number for function, number in calls.items() if function.startswith(functions))
                          for group, functions in COUNTED.items()}


def thresholds():
    version = subprocess.run(['swift', '--version'], capture_output=True, text=True).stdout
    number = re.search(r'Swift version (\d+\.\d+(?:\.\d+)?)', version)
    with open(os.path.join(HERE, 'thresholds.json')) as file:
        table = json.load(file)
    row = dict(table['default'])
    row.update(table.get(number[1], {}) if number else {})
    return row, number[1] if number else 'unknown'


def main():
    limits, version = thresholds()
    os.makedirs(CACHE, exist_ok=True)
    subprocess.run(['strip', '--strip-debug', '-o', MOS, BUILT], check=True)
    plain, plain_calls = measure('plain', [])
    logged, logged_calls = measure('conn-log', ['--conn-log', '/dev/null'])
    rows = [('instructions a packet', plain, limits['instructions a packet']),
            ('instructions a connection record', (logged - plain) * 10, limits['instructions a connection record'])]
    for group in COUNTED:
        rows.append((f'{group} a packet', plain_calls[group], limits[group]))
        rows.append((f'{group} a connection record', (logged_calls[group] - plain_calls[group]) * 10, limits[group]))

    print(f'Swift {version}, {PACKETS} packets of {FLOWS[1] - FLOWS[0]} connections')
    failed = False
    for what, value, limit in rows:
        above = value > limit + NOISE[what.split()[-1]]
        failed = failed or above
        print(f'  {what:40} {value:10.3f}   at most {limit}{"   ABOVE" if above else ""}')
    sys.exit(1 if failed else 0)


main()
