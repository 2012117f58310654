#!/usr/bin/env python3
"""Connection records (JSON lines on standard input) as a table for people.

  show-connections.py                       the table; many refused connections of one host become one line
  show-connections.py --stream CLIENT PORT  the file name of what the server on PORT sent to CLIENT first, as --extract
                                            names it
"""
import itertools
import json
import sys

MEANING = {'S0': 'no answer', 'S1': 'open', 'SF': 'closed', 'REJ': 'refused', 'S2': 'client closed its side',
           'S3': 'server closed its side', 'RSTO': 'reset by the client', 'RSTR': 'reset by the server',
           'RSTOS0': 'SYN, then RST', 'RSTRH': 'SYN-ACK, then RST', 'SH': 'SYN, then FIN', 'SHR': 'SYN-ACK, then FIN',
           'OTH': 'in mid-stream'}
SCAN = 5


def endpoint(host, port):
    return f'[{host}]:{port}' if ':' in host else f'{host}:{port}'


def row(record, start):
    if record['proto'] == 'icmp':
        client, server = record['id.orig_h'], record['id.resp_h']
    else:
        client = endpoint(record['id.orig_h'], record['id.orig_p'])
        server = endpoint(record['id.resp_h'], record['id.resp_p'])
    how = ''
    if record['proto'] == 'tcp':
        how = MEANING.get(record['conn_state'], record['conn_state'])
        for count, what in ((record.get('orig_retransmits', 0) + record.get('resp_retransmits', 0), 'sent again'),
                            (record.get('missed_bytes', 0), 'bytes missed')):
            how += f', {count} {what}' if count else ''
    return (f'{record["ts"] - start:6.2f}', record['proto'], client, server, str(record.get('orig_bytes', '')),
            str(record.get('resp_bytes', '')), record.get('history', ''), how)


def rows(records):
    start = records[0]['ts']
    pair = lambda r: (r['id.orig_h'], r['id.resp_h'])
    refused = [r for r in records if r.get('conn_state') == 'REJ']
    scans = {}
    for hosts, group in itertools.groupby(sorted(refused, key=pair), pair):
        group = list(group)
        if len(group) >= SCAN:
            scans[hosts] = group
    for record in records:
        scan = scans.get(pair(record)) if record.get('conn_state') == 'REJ' else None
        if scan is None:
            yield row(record, start)
        elif record is scan[0]:
            ports = sorted({r['id.resp_p'] for r in scan})
            yield (f'{record["ts"] - start:6.2f}', 'tcp', record['id.orig_h'],
                   endpoint(record['id.resp_h'], f'{ports[0]}..{ports[-1]}'), '', '', record['history'],
                   f'{len(ports)} ports refused: a scan')


def stream_name(records, client, port):
    for record in records:
        if (record['proto'], record['id.orig_h'], record['id.resp_p']) == ('tcp', client, int(port)):
            end = lambda who: '.'.join(f'{int(n):03}' for n in record[f'id.{who}_h'].split('.')) + \
                f'.{record[f"id.{who}_p"]:05}'
            return f'{end("resp")}-{end("orig")}'
    return sys.exit(f'show-connections: no connection of {client} to port {port}')


def main():
    records = sorted((json.loads(line) for line in sys.stdin), key=lambda r: r['ts'])
    if not records:
        sys.exit('show-connections: there are no records')
    if sys.argv[1:2] == ['--stream']:
        print(stream_name(records, *sys.argv[2:4]))
        return
    table = [('time', '', 'client', 'server', 'sent', 'received', 'history', 'how it ended'), *rows(records)]
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    right = (0, 4, 5)
    for line in table:
        cells = (cell.rjust(width) if i in right else cell.ljust(width)
                 for i, (cell, width) in enumerate(zip(line, widths)))
        print('  '.join(cells).rstrip())


main()
