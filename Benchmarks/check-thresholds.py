#!/usr/bin/env python3
"""Counts instructions, retains, releases and allocations of `mos replay` and of event engines, and fails above
thresholds.json.

Two generated traces of different lengths are replayed under callgrind; the difference is what the additional packets
cost, without the start-up. The same again with --conn-log: what a connection record costs more; and through engines with
handlers (EventBenchmark); and through a NAT, over what a filter takes that lets everything pass. The counts are exact, so
the thresholds can be close. At last, the memory that a million mappings of a NAT take. thresholds.json has a row for a Swift version where it differs from the default.
"""
import json
import os
import re
import subprocess
import sys

import arccount

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(HERE, '.cache')
BUILT = os.path.join(HERE, '../.build/release')
# Without debug information, which Debian 12's valgrind cannot read when Swift made it.
MOS, EVENTS = (os.path.join(CACHE, name) for name in ('mos', 'event-benchmark'))
# Of each kind of trace (genpcap.py): two sizes, and the packets that the larger one has more.
SIZES = {'A': (10_000, 20_000, 100_000), 'B': (100, 300, 30_000)}
FLOWS, PACKETS = SIZES['A'][:2], SIZES['A'][2]
MAPPINGS = 1_000_000
OPTIONS = ['replay', '--checksum', 'ignore', '--quiet']
COUNTED = {'swift_retain': ('swift_retain', 'swift_bridgeObjectRetain'),
           'swift_release': ('swift_release', 'swift_bridgeObjectRelease'),
           'swift_allocObject': ('swift_allocObject',),
           'malloc': ('malloc', 'calloc', 'realloc', 'posix_memalign', 'aligned_alloc')}
# A table that grows is no cost of a packet, a full buffer that is written none of a record: what happens less than once
# in a thousand packets, or in a hundred records, counts as none.
NOISE = {'packet': 0.001, 'record': 0.01}


def trace(kind, size):
    path = os.path.join(CACHE, f'{kind}{size}.pcap')
    if not os.path.exists(path):
        subprocess.run([sys.executable, os.path.join(HERE, 'genpcap.py'), kind, path + '.part', str(size)], check=True,
                       stdout=subprocess.DEVNULL)
        os.replace(path + '.part', path)
    return path


def callgrind(name, kind, size, command):
    """Runs a command, in which the trace takes the place of None."""
    out = os.path.join(CACHE, f'callgrind.{name}.{size}')
    command = [trace(kind, size) if part is None else part for part in command]
    result = subprocess.run(['valgrind', '--tool=callgrind', f'--callgrind-out-file={out}', *command],
                            capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f'check-thresholds: {" ".join(command)} failed\n{result.stdout}{result.stderr}')
    return out


def measure(name, command, kind='A'):
    """Instructions, and calls of each counted group, a packet."""
    *sizes, packets = SIZES[kind[0]]
    short, long = (callgrind(name, kind, size, command) for size in sizes)
    instructions, calls = arccount.difference(long, short, packets)
    return instructions, {group: sum(number for function, number in calls.items() if function.startswith(functions))
                          for group, functions in COUNTED.items()}


def measure_replay(limits):
    plain, plain_calls = measure('plain', [MOS, *OPTIONS, None])
    logged, logged_calls = measure('conn-log', [MOS, *OPTIONS, '--conn-log', '/dev/null', None])
    yield 'instructions a packet', plain, limits['instructions a packet']
    yield 'instructions a connection record', (logged - plain) * 10, limits['instructions a connection record']
    for group in COUNTED:
        yield f'{group} a packet', plain_calls[group], limits[group]
        yield f'{group} a connection record', (logged_calls[group] - plain_calls[group]) * 10, limits[group]


def measure_events(limits):
    boxes = {'three handlers': ['three', None], 'a handler for every event': ['all', None],
             'every byte read': ['read', None], 'every byte read by cursors': ['cursor', None],
             'one event': ['user', None, '1'], 'many events': ['user', None, '101'],
             'one change': ['switch', None, '1'], 'many changes': ['switch', None, '11']}
    found = {name: measure(f'events-{options[0]}-{options[-1]}', [EVENTS, *options])
             for name, options in boxes.items()}
    for name in ('three handlers', 'a handler for every event', 'every byte read', 'every byte read by cursors'):
        yield f'{name}, instructions a packet', found[name][0], limits[name]
    yield ('a predicate that does not hold, instructions', (found['many events'][0] - found['one event'][0]) / 100,
           limits['a predicate that does not hold'])
    yield ('a change of subscriptions, instructions', (found['many changes'][0] - found['one change'][0]) / 10,
           limits['a change of subscriptions'])
    for group in COUNTED:
        yield f'{group} a packet, handlers', max(calls[group] for _, calls in found.values()), limits[group]


def measure_nat(limits):
    """N behind a trace's name: what comes to the NAT. B has long connections, A short ones, whose mappings begin and end."""
    calls = {}
    for kind, row in (('B', 'NAT, established connections'), ('A', 'NAT, connections of 10 packets')):
        forwarded, _ = measure(f'events-forward-{kind}', [EVENTS, 'forward', None], kind)
        translated, calls[kind] = measure(f'events-nat-{kind}', [EVENTS, 'nat', None], kind + 'N')
        yield f'{row}, instructions more a packet', translated - forwarded, limits[row]
    for group in COUNTED:
        yield f'{group} a packet, NAT', max(row[group] for row in calls.values()), limits[group]


def measure_memory(limits):
    """What a million mappings take beside the records of their flows, each with the key before and behind translation."""
    taken = {}
    for box in ('keys', 'nat'):
        result = subprocess.run([EVENTS, 'mappings', box, str(MAPPINGS)], capture_output=True, text=True, check=True)
        found = re.search(r'(\d+) mappings, flows (\d+), bytes (\d+)', result.stdout)
        if int(found[2]) != MAPPINGS or int(found[1]) != (MAPPINGS if box == 'nat' else 0):
            sys.exit(f'check-thresholds: {result.stdout}')
        taken[box] = int(found[3])
    row = 'NAT, bytes a mapping'
    yield f'{row} beside the records of its flow', (taken['nat'] - taken['keys']) / MAPPINGS, limits[row]


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
    for binary in (MOS, EVENTS):
        built = os.path.join(BUILT, os.path.basename(binary))
        subprocess.run(['strip', '--strip-debug', '-o', binary, built], check=True)
    print(f'Swift {version}, {PACKETS} packets of {FLOWS[1] - FLOWS[0]} connections')
    failed = False
    for rows in (measure_replay(limits), measure_events(limits), measure_nat(limits),
                 measure_memory(limits)):
        for what, value, limit in rows:
            above = value > limit + (NOISE['record'] if what.endswith('record') else NOISE['packet'])
            failed = failed or above
            print(f'  {what:64} {value:10.3f}   at most {limit}{"   ABOVE" if above else ""}')
    sys.exit(1 if failed else 0)


main()
