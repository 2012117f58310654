#!/usr/bin/env python3
"""`mos replay --eve` against the TCP flow records of Suricata.

  suricata-compare.py --mos BIN --pcaps DIR --expected FILE [--min PERCENT] [--list]

FILE has a line for each capture: {"pcap": name in DIR, "flows": [{src, sp, dst, dp, flow, tcp}]}, the last two as in EVE.
Suricata splits flows at time-outs of its own and follows no session whose SYN it did not see. So packets are added up by
addresses and ports; everything else is compared for sessions that it follows, their states and flags for those that are
one record for both. Its bytes are those of frames, and are not compared. The last line is `suricata: agreed/compared`.
"""
import argparse
import collections
import ipaddress
import json
import subprocess
import sys

# What a flow's history tells of control bits: ACK, RST, SYN and FIN.
CONTROL_BITS = 0x17


def by_addresses(flows, names):
    """Flows by the sorted pair of their ends; each with its originator."""
    found = collections.defaultdict(list)
    for flow in flows:
        source, source_port, destination, destination_port = (flow[name] for name in names)
        ends = [(str(ipaddress.ip_address(source)), source_port),
                (str(ipaddress.ip_address(destination)), destination_port)]
        found[tuple(sorted(ends))].append((ends[0], flow))
    return found


def replay(mos, capture):
    """The TCP flow records of one capture; None when the replay failed."""
    run = subprocess.run([mos, 'replay', '--quiet', '--eve', '-', '--checksum', 'ignore', capture],
                         capture_output=True, timeout=60)
    if run.returncode not in (0, 1):
        return None
    records = (json.loads(line) for line in run.stdout.splitlines())
    return [record for record in records if record['event_type'] == 'flow' and record['proto'] == 'TCP']


def packets(flows, end):
    return sum(flow['flow']['pkts_toserver' if originator == end else 'pkts_toclient'] for originator, flow in flows)


class Score:
    def __init__(self):
        self.agreed = collections.Counter()
        self.compared = collections.Counter()
        self.disagreements = []

    def check(self, what, theirs, ours, where):
        self.compared[what] += 1
        if theirs == ours:
            self.agreed[what] += 1
        else:
            self.disagreements.append(f'{what}: {where}: Suricata {theirs}, ours {ours}')


def compare_session(theirs, ours, where, score):
    """One flow of both, given with their originators."""
    score.check('originator', theirs[0], ours[0], where)
    if theirs[0] != ours[0]:
        return
    score.check('flow state', theirs[1]['flow']['state'], ours[1]['flow']['state'], where)
    score.check('session state', theirs[1]['tcp']['state'], ours[1]['tcp']['state'], where)
    for flags in 'tcp_flags_ts', 'tcp_flags_tc':
        bits = [f'{int(flow[1]["tcp"][flags], 16) & CONTROL_BITS:02x}' for flow in (theirs, ours)]
        score.check(flags, *bits, where)


def compare_capture(name, theirs, ours, score):
    for ends in sorted(theirs.keys() | ours.keys()):
        where = f'{name} {ends[0][0]}:{ends[0][1]} {ends[1][0]}:{ends[1][1]}'
        score.check('seen', ends in theirs, ends in ours, where)
        if ends not in theirs or ends not in ours:
            continue
        for end in sorted(set(ends)):
            score.check('packets', packets(theirs[ends], end), packets(ours[ends], end), f'{where} from {end[0]}')
        if all(flow['tcp']['state'] for _, flow in theirs[ends]):
            score.check('flows', len(theirs[ends]), len(ours[ends]), where)
            if len(theirs[ends]) == len(ours[ends]) == 1:
                compare_session(theirs[ends][0], ours[ends][0], where, score)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--mos', required=True)
    parser.add_argument('--pcaps', required=True)
    parser.add_argument('--expected', required=True)
    parser.add_argument('--min', type=float, default=0, help='exit status 1 below it')
    parser.add_argument('--list', action='store_true', help='every disagreement')
    options = parser.parse_args()
    score = Score()
    for line in open(options.expected):
        capture = json.loads(line)
        ours = replay(options.mos, f'{options.pcaps}/{capture["pcap"]}')
        score.check('ran', True, ours is not None, capture['pcap'])
        compare_capture(capture['pcap'], by_addresses(capture['flows'], ('src', 'sp', 'dst', 'dp')),
                        by_addresses(ours or [], ('src_ip', 'src_port', 'dest_ip', 'dest_port')), score)
    for disagreement in score.disagreements if options.list else score.disagreements[:20]:
        print(disagreement)
    for what in score.compared:
        print(f'  {what}: {score.agreed[what]}/{score.compared[what]}')
    agreed, compared = score.agreed.total(), score.compared.total()
    percent = 100 * agreed / max(compared, 1)
    print(f'suricata: {agreed}/{compared} ({percent:.1f}%)')
    return 0 if compared and percent >= options.min else 1


if __name__ == '__main__':
    sys.exit(main())
