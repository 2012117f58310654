#!/usr/bin/env python3
"""CPU time of `mos replay --middlebox ids` with real rules, against Suricata's where there is one; run.sh prepares the trace.

  measure-ids.py ROUNDS RULES-FOLDER

Everybody's rules are in the folder's *.rules. What loading them takes is measured with a capture of one packet, and taken
off. SURICATA names the program to compare with, `suricata` unless set.
"""
import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
MOS = os.path.join(HERE, '../.build/release/mos')
TRACE = os.path.join(HERE, '.cache/A.pcap')
PACKETS = 1_000_000
HOME = '[192.168.0.0/16,10.0.0.0/8,172.16.0.0/12]'
PORTS = {'HTTP': '80', 'SHELLCODE': '!80', 'ORACLE': '1521', 'SSH': '22', 'FTP': '21', 'FILE_DATA': '[80,110,143]'}
SERVERS = ('HTTP', 'SMTP', 'SQL', 'DNS', 'TELNET')

SURICATA_YAML = """%YAML 1.1
---
vars:
  address-groups: {{HOME_NET: "{home}", EXTERNAL_NET: "!$HOME_NET", {servers}}}
  port-groups: {{{ports}}}
outputs: [{{eve-log: {{enabled: yes, filename: eve.json, types: [alert]}}}}]
app-layer: {{protocols: {{http: {{enabled: yes}}, tls: {{enabled: yes}}, dns: {{tcp: {{enabled: yes}}, udp: {{enabled: yes}}}}}}}}
"""


def cost(command):
    """CPU seconds and peak memory in MB of a process."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f'bench: {" ".join(command)}: exit status {process.returncode}')
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6


def measure(command, short, rounds):
    """Medians: CPU nanoseconds a packet without loading, CPU seconds of loading; and the peak in MB."""
    runs = [(cost(command(short)), cost(command(TRACE))) for _ in range(rounds)]
    each = statistics.median((whole[0] - load[0]) / PACKETS * 1e9 for load, whole in runs)
    return each, statistics.median(load[0] for load, _ in runs), max(whole[1] for _, whole in runs)


def main():
    rounds, folder = int(sys.argv[1]), sys.argv[2]
    rules = sorted(os.path.abspath(os.path.join(folder, name)) for name in os.listdir(folder) if name.endswith('.rules'))
    with tempfile.TemporaryDirectory() as work:
        short, config = os.path.join(work, 'one.pcap'), os.path.join(work, 'ids.yaml')
        with open(TRACE, 'rb') as trace, open(short, 'wb') as one:
            one.write(trace.read(24))
            header = trace.read(16)
            one.write(header + trace.read(struct.unpack('<4I', header)[2]))
        with open(config, 'w') as file:
            json.dump({'rules': rules, 'addresses': {'HOME_NET': HOME}, 'ports': {f'{k}_PORTS': v for k, v in PORTS.items()}},
                      file)
        ours = measure(lambda trace: [MOS, 'replay', '--quiet', '--checksum', 'ignore', '--middlebox', 'ids', '--config',
                                      config, '--eve', os.path.join(work, 'eve.json'), trace], short, rounds)
        lines = sum(1 for path in rules for line in open(path) if line.strip() and not line.startswith('#'))
        print(f'The IDS on trace A with {lines:,} rules:\n')
        print('| IDS | ns a packet | loading, s | peak MB |\n|---|---|---|---|')
        print('| mos | {:.0f} | {:.2f} | {:.0f} |'.format(*ours), flush=True)
        program = os.environ.get('SURICATA', 'suricata')
        if not shutil.which(program):
            print('\nThere is no Suricata here to compare with (SURICATA names one).')
            return
        every, yaml = os.path.join(work, 'all.rules'), os.path.join(work, 'suricata.yaml')
        with open(every, 'wb') as file:
            for path in rules:
                with open(path, 'rb') as part:
                    file.write(part.read() + b'\n')
        with open(yaml, 'w') as file:
            file.write(SURICATA_YAML.format(
                home=HOME, servers=', '.join(f'{name}_SERVERS: "$HOME_NET"' for name in SERVERS),
                ports=', '.join(f'{name}_PORTS: "{value}"' for name, value in PORTS.items())))
        theirs = measure(lambda trace: [program, '-c', yaml, '-S', every, '-r', trace, '-l', work, '-k', 'none', '--runmode',
                                        'single'], short, rounds)
        print('| Suricata | {:.0f} | {:.2f} | {:.0f} |'.format(*theirs))
        print(f'\nmos / Suricata: {ours[0] / theirs[0]:.2f} a packet')


main()
