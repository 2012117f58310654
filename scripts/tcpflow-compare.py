#!/usr/bin/env python3
"""`mos replay --extract` against tcpflow: the same file names with the same contents.

  tcpflow-compare.py [CAPTURE...]

Without arguments: every file of the captures in traces/, and of those in MOS_SHARED (default ../shared) the files that
the expectations made with tshark confirm; tcpflow has errors of its own with SYN data, tunnels, gaps and resets.
"""
import collections, glob, hashlib, json, os, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MOS = os.path.join(ROOT, '.build/release/mos')
SHARED = os.environ.get('MOS_SHARED', os.path.join(ROOT, '../shared'))
# Where tcpflow takes what a receiver does not have, or has not what a receiver has.
NOT_COMPARED = {
    'fragments.pcap': 'tcpflow does not put IP fragments together',
    'attacks.pcap': 'bytes that were sent twice and differ: tcpflow takes the later ones',
    'tunnel.pcap': 'the same',
    'ndpi__fuzz-2006-06-26-2594.pcap': 'data on a SYN that nobody acknowledges',
    'arkime__y2038-bgp.pcap': '28 years between two packets: a time-out, and another flow',
    'sv__transform-base64-7296.pcap': 'the same, 2 years',
    'tcpflow__test5-lines-randomized.pcap': 'packets in no order, the SYN after the FIN',
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


def expected_digests(path):
    """The digests of the streams that reassemblers are not free to treat differently."""
    doubts = ('conflict_bytes', 'ngaps', 'truncated_segs', 'data_after_rst', 'absurd_seq')
    return {direction['sha256'] for flow in json.load(open(path))['flows'] for direction in (flow['c2s'], flow['s2c'])
            if direction['contig_bytes'] and direction['base'] != 'first'
            and not any(direction[doubt] for doubt in doubts)}


def shared_captures():
    """Captures, each with those of tcpflow's files that tshark's expectations confirm."""
    for path in sorted(glob.glob(os.path.join(SHARED, 'pcaps/real/*'))):
        expectation = os.path.join(SHARED, 'oracles/expected', os.path.basename(path) + '.json')
        if not os.path.exists(expectation):
            continue
        digests = expected_digests(expectation)
        # A VLAN tag in the name is tcpflow's own way.
        files = {name: content for name, content in tcpflow(path).items() if content[0] in digests and '--' not in name}
        if files:
            yield path, files


def compare(capture, theirs, names):
    """The number of `names` whose files are the same, and the lines that say which are not."""
    ours, none = mos(capture), ('', 'no file')
    names = sorted(names or theirs.keys() | ours.keys())
    wrong = [name for name in names if theirs.get(name) != ours.get(name)]
    return len(names) - len(wrong), [
        f'  {name}: tcpflow {theirs.get(name, none)[1]} bytes, mos {ours.get(name, none)[1]}' for name in wrong]


def main():
    if len(sys.argv) > 1:
        captures = [(path, tcpflow(path), None) for path in sys.argv[1:]]
    else:
        own = [(path, tcpflow(path), None) for path in sorted(glob.glob(os.path.join(ROOT, 'traces/*.pcap')))]
        others = [(path, files, files.keys()) for path, files in shared_captures()]
        captures = [item for item in own + others if os.path.basename(item[0]) not in NOT_COMPARED]
        if not others:
            print(f'tcpflow-compare: {SHARED}/pcaps is absent (set MOS_SHARED): its captures are skipped')
    files = failures = count = 0
    for capture, theirs, names in captures:
        same, wrong = compare(capture, theirs, names)
        files, failures, count = files + same, failures + bool(wrong), count + 1
        if wrong:
            print(f'{os.path.basename(capture)}:', *wrong, sep='\n')
    print(f'tcpflow: {files} files the same, {count - failures} of {count} captures')
    sys.exit(1 if failures or not files else 0)


main()
