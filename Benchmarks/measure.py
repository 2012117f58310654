#!/usr/bin/env python3
"""CPU time of `mos replay` against other programs on the same traces; run.sh prepares both.

  measure.py ROUNDS

A second table does the same for an event engine with handlers that do nothing but listen, against one without.

Each round runs every program of a row once, in turn, so that what disturbs the machine disturbs all. The time is user
and system time of the whole process. A ratio is the median over the rounds of (mos / the other); below 1 mos is faster.
"""
import json
import os
import re
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(HERE, '.cache')
MOS = os.path.join(HERE, '../.build/release/mos')

EVENTS = os.path.join(HERE, '../.build/release/event-benchmark')

IGNORE, VERIFY = ['--checksum', 'ignore'], ['--checksum', 'verify']
FLOOR, LARGE, NIDS = (os.path.join(CACHE, name) for name in ('floor', 'floor-large', 'nids'))
# Each row: its name, the trace, mos's options, and the others: a name, then the command around the trace (None).
WITHOUT_CHECKSUMS = {'libnids': [NIDS, None, 'x'], 'libpcap': [FLOOR, None, '0'], 'C table': [FLOOR, None, '2']}
ROWS = [
    ('A, short flows', 'A', IGNORE, WITHOUT_CHECKSUMS),
    ('A, checksums verified', 'A', VERIFY, {'libnids': [NIDS, None], 'C table': [FLOOR, None, '3']}),
    ('B, bulk flows', 'B', IGNORE, WITHOUT_CHECKSUMS),
    ('C, reordered, repeated', 'C', IGNORE, WITHOUT_CHECKSUMS),
    ('D, 200,000 at a time', 'D', IGNORE, {'C table': [LARGE, None, '2']}),
]
# Each row of the second table: its name, the trace, the benchmark's box, and how often it does per packet what is measured.
HANDLERS = [
    ('start, new data, end', 'A', ['three'], None),
    ('every built-in event', 'A', ['all'], None),
    ('every byte read', 'A', ['read'], None),
    ('every byte read by cursors', 'A', ['cursor'], None),
    ('1 event that does not happen', 'A', ['user', '1'], 1),
    ('10 events that do not happen', 'A', ['user', '10'], 10),
    ('100 events that do not happen', 'A', ['user', '100'], 100),
    ('1,000 events that do not happen', 'A', ['user', '1000'], 1000),
    ('10 changes of subscriptions', 'D', ['switch', '10'], 10),
]
COLUMNS = ('libnids', 'libpcap', 'C table')
# Flows, of which closed by FIN, and payload bytes.
TRUTH = {'A': (100_000, 100_000, 120_000_000), 'B': (100, 100, 292_000_000), 'C': (100_000, 100_000, 120_000_000),
         'D': (200_000, 200_000, 240_000_000)}


def run(command):
    """CPU seconds of a process, and what it printed."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out = process.stdout.read()
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f'bench: {" ".join(command)}: exit status {process.returncode}\n{error}')
    return usage.ru_utime + usage.ru_stime, out


def replay(trace, options):
    seconds, out = run([MOS, 'replay', *options, '--quiet', '--stats', 'json', trace])
    return seconds, json.loads(out)


def counts(trace):
    """Connections, of which closed by FIN, and bytes of both streams, as the connection records have them."""
    process = subprocess.Popen([MOS, 'replay', *IGNORE, '--quiet', '--conn-log', '-', trace], stdout=subprocess.PIPE)
    flows = closed = total = 0
    for line in process.stdout:
        record = json.loads(line)
        flows += 1
        closed += record['end'] == 'fin'
        total += record['orig_bytes'] + record['resp_bytes']
    process.wait()
    return flows, closed, total


def measure(trace, options, others, rounds):
    """CPU seconds of mos and of each other program, one number a round, and mos's last statistics."""
    ours, theirs, statistics_ = [], {name: [] for name in others}, {}
    for _ in range(rounds):
        seconds, statistics_ = replay(trace, options)
        ours.append(seconds)
        for name, command in others.items():
            theirs[name].append(run([trace if part is None else part for part in command])[0])
    return ours, theirs, statistics_


def listen(trace, box):
    name, *number = box
    seconds, out = run([EVENTS, name, trace, *number])
    return seconds, int(out.split()[0])


def measure_handlers(rounds):
    """The second table, a line at a time."""
    yield '| handlers | trace | ns a packet | / none | ns each |'
    yield '|---' * 5 + '|'
    for title, name, box, times in HANDLERS:
        trace = os.path.join(CACHE, f'{name}.pcap')
        pairs = [(listen(trace, ['none'])[0], *listen(trace, box)) for _ in range(rounds)]
        ratio = statistics.median(own / none for none, own, _ in pairs)
        own = statistics.median(own / packets for _, own, packets in pairs) * 1e9
        each = statistics.median((own - none) / packets for none, own, packets in pairs) * 1e9
        yield f'| {title} | {name} | {own:.0f} | {ratio:.2f} | {f"{each / times:.1f}" if times else ""} |'


def main():
    rounds = int(sys.argv[1])
    wrong = []
    for name, truth in TRUTH.items():
        found = counts(os.path.join(CACHE, f'{name}.pcap'))
        if found != truth:
            wrong.append(f'{name}: flows, closed, bytes are {found} and must be {truth}')

    with open('/proc/cpuinfo') as file:
        model = re.search(r'model name\s*: (.*)', file.read())
    print(f'{model[1] if model else "?"}, {os.cpu_count()} cores; medians of {rounds} rounds; CPU time of the process\n')
    print(f'| trace | packets | ns a packet | {" | ".join("mos / " + c for c in COLUMNS)} | peak MB |')
    print('|---' * (len(COLUMNS) + 4) + '|')
    for title, trace, options, others in ROWS:
        ours, theirs, stats = measure(os.path.join(CACHE, f'{trace}.pcap'), options, others, rounds)
        ratios = {name: statistics.median(a / b for a, b in zip(ours, times)) for name, times in theirs.items()}
        cells = [title, f'{stats["packets"]:,}', f'{statistics.median(ours) / stats["packets"] * 1e9:.0f}']
        cells += [f'{ratios[c]:.2f}' if c in ratios else '' for c in COLUMNS]
        print(f'| {" | ".join(cells)} | {stats["peak_rss_bytes"] / 1e6:.0f} |', flush=True)
    print('\nlibnids reassembles both directions; libpcap only reads; C table: a flow table, in-order sequence numbers.')
    print('An event engine, without records:\n')
    for line in measure_handlers(rounds):
        print(line, flush=True)
    for line in wrong:
        print(f'WRONG {line}')
    sys.exit(1 if wrong else 0)


main()
