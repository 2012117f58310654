#!/usr/bin/env python3
"""`mos replay --middlebox ids` against the alerts of Suricata.

  alerts-compare.py --mos BIN --pcaps DIR --rules DIR --expected FILE [--min PERCENT] [--list]

FILE has a line for each capture: {"pcap": name in DIR, "alerts": [[sid, source, port, destination, port]]}. Which rules
alert for which addresses and ports is compared, and not how often: Suricata alerts for each packet, mos once a turn. In
the rules' variables is everybody. The last line is `alerts: agreed/all that either has`.
"""
import argparse
import ipaddress
import json
import os
import subprocess
import sys
import tempfile

PORTS = ('HTTP', 'SHELLCODE', 'ORACLE', 'SSH', 'FTP', 'FILE_DATA')


def configuration(folder):
    rules = sorted(os.path.abspath(os.path.join(folder, name)) for name in os.listdir(folder) if name.endswith('.rules'))
    ports = {f'{name}_PORTS': 'any' for name in PORTS}
    # JSON is YAML.
    return json.dumps({'rules': rules, 'addresses': {'HOME_NET': 'any', 'EXTERNAL_NET': 'any'}, 'ports': ports})


def alert(sid, source, source_port, destination, destination_port):
    return (sid, str(ipaddress.ip_address(source)), source_port, str(ipaddress.ip_address(destination)),
            destination_port)


def replay(mos, configuration, capture):
    """The alerts of one capture."""
    run = subprocess.run([mos, 'replay', '--quiet', '--checksum', 'ignore', '--middlebox', 'ids', '--config',
                          configuration, '--eve', '-', capture], capture_output=True, timeout=60)
    if run.returncode not in (0, 1):
        sys.exit(f'{capture}: {run.stderr.decode()}')
    records = (json.loads(line) for line in run.stdout.splitlines() if b'"event_type":"alert"' in line)
    return {alert(record['alert']['signature_id'], record['src_ip'], record.get('src_port', 0), record['dest_ip'],
                  record.get('dest_port', 0)) for record in records}


def main():
    parser = argparse.ArgumentParser()
    for name in ('mos', 'pcaps', 'rules', 'expected'):
        parser.add_argument(f'--{name}', required=True)
    parser.add_argument('--min', type=float, default=0)
    parser.add_argument('--list', action='store_true')
    arguments = parser.parse_args()
    agreed, different = 0, []
    with tempfile.NamedTemporaryFile('w', suffix='.yaml') as file, open(arguments.expected) as lines:
        file.write(configuration(arguments.rules))
        file.flush()
        for line in lines:
            entry = json.loads(line)
            theirs = {alert(*one) for one in entry['alerts']}
            ours = replay(arguments.mos, file.name, os.path.join(arguments.pcaps, entry['pcap']))
            agreed += len(theirs & ours)
            different += [f'{entry["pcap"]}: only Suricata: {one}' for one in sorted(theirs - ours)]
            different += [f'{entry["pcap"]}: only mos: {one}' for one in sorted(ours - theirs)]
    total = agreed + len(different)
    percent = 100 * agreed / total if total else 0
    if arguments.list or percent < arguments.min:
        print('\n'.join(different))
    print(f'alerts: {agreed}/{total} = {percent:.1f} %')
    return 0 if percent >= arguments.min else 1


if __name__ == '__main__':
    sys.exit(main())
