#!/usr/bin/env python3
"""`mos replay --extract` against tcpflow: the same file names with the same contents.

  tcpflow-compare.py [CAPTURE...]

Without arguments: every capture in traces/, and of the captures in MOS_SHARED (default ../shared) those where tcpflow
agrees with the expectations made with tshark; tcpflow has errors of its own with SYN data, tunnels, gaps and resets.
"""
import collections, glob, hashlib, json, os, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MOS = os.path.join(ROOT, '.build/release/mos')
SHARED = os.environ.get('MOS_SHARED', os.path.join(ROOT, '../shared'))
# Where tcpflow takes what a receiver does not have, or has not what a receiver has.
NOT_COMPARED = {
    'fragments.pcap': 'tcpflow does not put IP fragments together',
    'sv__bug-4571-02_ipv6.pcap': 'data without an ACK flag, which a receiver drops (RFC 9293, 3.10.7.4)',
    'sv__bug-4571-05_ipv4.pcap': 'the same',
}


def digests(folder):
    """SHA-256 and length by file name."""
    found = {}
    for name in os.listdir(folder):
        if name not in ('report.xml', 'alerts.txt'):
            with open(os.path.join(folder, name), 'rb') as file:
                data = file.read()
            found[name] = (hashlib.sha256(data).hexdigest(), len(data))
    return found


def run(command, folder):
    result = subprocess.run(command, capture_output=True, timeout=120)
    if result.returncode not in (0, 1):
        sys.exit(f'tcpflow-compare: {" ".join(command)}: exit status {result.returncode}\n{result.stderr.decode()}')
    return digests(folder)


def tcpflow(capture):
    with tempfile.TemporaryDirectory() as folder:
        return run(['tcpflow', '-r', capture, '-o', folder], folder)


def mos(capture):
    with tempfile.TemporaryDirectory() as folder:
        return run([MOS, 'replay', '--quiet', '--checksum', 'ignore', '--overlap-policy', 'first', '--urgent-inline',
                    '--extract', folder, capture], folder)


def expected_contents(path):
    """The streams' digests, or nothing when the capture has what reassemblers are free to treat differently."""
    contents = collections.Counter()
    for flow in json.load(open(path))['flows']:
        for direction in (flow['c2s'], flow['s2c']):
            if any(direction[what] for what in ('conflict_bytes', 'ngaps', 'truncated_segs', 'data_after_rst')):
                return None
            if direction['contig_bytes']:
                contents[direction['sha256']] += 1
    return contents


def shared_captures():
    for path in sorted(glob.glob(os.path.join(SHARED, 'pcaps/real/*'))):
        expectation = os.path.join(SHARED, 'oracles/expected', os.path.basename(path) + '.json')
        if not os.path.exists(expectation):
            continue
        contents = expected_contents(expectation)
        files = tcpflow(path) if contents else {}
        # A VLAN tag in the name is tcpflow's own way.
        if files and contents == collections.Counter(d for d, _ in files.values()) and '--' not in ''.join(files):
            yield path, files


def compare(capture, theirs):
    """The number of files that are the same and the lines that say what is not."""
    ours = mos(capture)
    wrong = [f'  {name}: tcpflow {theirs.get(name, ("", "no file"))[1]} bytes, mos {ours.get(name, ("", "no file"))[1]}'
             for name in sorted(theirs.keys() | ours.keys()) if theirs.get(name) != ours.get(name)]
    return len(theirs) - len([name for name in theirs if theirs[name] != ours.get(name)]), wrong


def main():
    if len(sys.argv) > 1:
        captures = ((path, tcpflow(path)) for path in sys.argv[1:])
    else:
        own = [(path, tcpflow(path)) for path in sorted(glob.glob(os.path.join(ROOT, 'traces/*.pcap')))]
        others = list(shared_captures())
        captures = [item for item in own + others if os.path.basename(item[0]) not in NOT_COMPARED]
        if not others:
            print(f'tcpflow-compare: {SHARED}/pcaps is absent (set MOS_SHARED): its captures are skipped')
    files = failures = count = 0
    for capture, theirs in captures:
        same, wrong = compare(capture, theirs)
        files, failures, count = files + same, failures + bool(wrong), count + 1
        if wrong:
            print(f'{os.path.basename(capture)}:', *wrong, sep='\n')
    print(f'tcpflow: {files} files the same, {count - failures} of {count} captures')
    sys.exit(1 if failures or not files else 0)


main()
