#!/usr/bin/env python3
"""The small servers and clients that make.sh captures besides nginx and curl.

  peer.py serve                                   every server below, until it is ended
  peer.py ready                                   exit status 0 when the servers listen
  peer.py half-close                              client shuts down its sending side, the server goes on sending
  peer.py reset-by-client | reset-by-server       close with SO_LINGER 0 after a request and its answer
  peer.py reset-unread                            client closes with unread data in its receive buffer
  peer.py slow-reader                             the client's window closes for a while: zero-window probes
  peer.py keep-alive                              an idle connection with keep-alive probes
  peer.py unanswered                              SYNs that nobody answers
  peer.py scan HOST FIRST-PORT COUNT [SOURCE]     connects to closed ports
  peer.py dns SOURCE NAME                         a DNS query for an A record
  peer.py datagrams HOST BYTES                    a datagram that is echoed
"""
import socket, struct, sys, threading, time

SERVER, DNS_SERVER = '198.51.100.1', '198.51.100.53'
HALF_CLOSE, RESET, BULK, ECHO = 7001, 7002, 7003, 7007


def linger_zero(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


def half_close_server(connection):
    count = 0
    while data := connection.recv(4096):
        count += len(data)
    for number in range(1, 9):
        time.sleep(0.1)
        connection.sendall(b'%d bytes received; chunk %d of 8 after the FIN\n' % (count, number) * 20)


def reset_server(connection):
    request = connection.recv(4096)
    connection.sendall(b'answer to ' + request)
    if request.startswith(b'reset me'):
        time.sleep(0.1)
        linger_zero(connection)
    else:
        connection.recv(4096)


def bulk_server(connection):
    connection.sendall(b'more than the window of a slow reader\n' * 600)
    connection.recv(4096)


def serve_tcp(port, handle):
    listener = socket.create_server(('', port))
    while True:
        connection, _ = listener.accept()
        try:
            with connection:
                handle(connection)
        except OSError:
            pass


def serve_echo(family, address):
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.bind((address, ECHO))
        while True:
            data, source = s.recvfrom(65535)
            s.sendto(data, source)


def serve_dns():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((DNS_SERVER, 53))
        while True:
            query, source = s.recvfrom(512)
            header = query[:2] + struct.pack('>HHHHH', 0x8180, 1, 1, 0, 0)
            answer = b'\xc0\x0c' + struct.pack('>HHIH', 1, 1, 300, 4) + socket.inet_aton('198.51.100.80')
            s.sendto(header + query[12:] + answer, source)


def serve():
    workers = [(serve_tcp, (HALF_CLOSE, half_close_server)), (serve_tcp, (RESET, reset_server)),
               (serve_tcp, (BULK, bulk_server)), (serve_dns, ()), (serve_echo, (socket.AF_INET, SERVER)),
               (serve_echo, (socket.AF_INET6, '2001:db8:2::80'))]
    for target, arguments in workers:
        threading.Thread(target=target, args=arguments, daemon=True).start()
    threading.Event().wait()


def ready():
    for port in (RESET, BULK):
        socket.create_connection((SERVER, port), 1).close()


def half_close():
    with socket.create_connection((SERVER, HALF_CLOSE), 5, ('192.0.2.12', 0)) as c:
        for _ in range(4):
            c.sendall(b'all that this client has to say\n' * 40)
        c.shutdown(socket.SHUT_WR)
        while c.recv(4096):
            pass


def reset_by_client():
    with socket.create_connection((SERVER, RESET), 5, ('192.0.2.11', 0)) as c:
        c.sendall(b'a request')
        c.recv(4096)
        linger_zero(c)


def reset_by_server():
    with socket.create_connection((SERVER, RESET), 5) as c:
        c.sendall(b'reset me')
        c.recv(4096)
        try:
            c.recv(4096)
        except ConnectionResetError:
            pass


def reset_unread():
    with socket.create_connection((SERVER, RESET), 5) as c:
        c.sendall(b'an answer that is not read')
        time.sleep(0.2)


def slow_reader():
    with socket.socket() as c:
        c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.connect((SERVER, BULK))
        time.sleep(1.5)
        count = 0
        while count < 600 * 38:
            count += len(c.recv(4096))


def keep_alive():
    with socket.create_connection((SERVER, RESET), 5) as c:
        for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1)):
            c.setsockopt(socket.IPPROTO_TCP, option, value)
        c.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        c.sendall(b'a request')
        c.recv(4096)
        time.sleep(2.5)


def unanswered():
    with socket.socket() as s:
        s.settimeout(1.5)
        s.bind(('192.0.2.66', 0))
        try:
            s.connect(('203.0.113.9', 443))
        except OSError:
            pass


def scan(host, first, count, source=None):
    for port in range(int(first), int(first) + int(count)):
        try:
            socket.create_connection((host, port), 2, (source, 0) if source else None).close()
        except ConnectionRefusedError:
            pass
        time.sleep(0.02)


def dns(source, name):
    labels = b''.join(bytes([len(label)]) + label.encode() for label in name.split('.')) + b'\0'
    query = struct.pack('>HHHHHH', sum(name.encode()), 0x0100, 1, 0, 0, 0) + labels + struct.pack('>HH', 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(2)
        s.bind((source, 0))
        s.sendto(query, (DNS_SERVER, 53))
        s.recv(512)


def datagrams(host, size):
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(2)
        s.sendto(bytes(i * 7 & 0xFF for i in range(int(size))), (host, ECHO))
        s.recv(65535)


COMMANDS = {'serve': serve, 'ready': ready, 'half-close': half_close, 'reset-by-client': reset_by_client,
            'reset-by-server': reset_by_server, 'reset-unread': reset_unread, 'slow-reader': slow_reader,
            'keep-alive': keep_alive, 'unanswered': unanswered, 'scan': scan,
            'dns': dns, 'datagrams': datagrams}

if __name__ == '__main__':
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    COMMANDS[sys.argv[1]](*sys.argv[2:])
