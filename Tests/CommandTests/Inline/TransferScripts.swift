/// Programs in Python for the two ends of a transfer.
enum TransferScripts {
  /// `python3 -c ... client|server ADDRESS BYTES both|turns`: one connection, over which each end sends BYTES pseudo-random bytes
  /// to the other, at the same time, or first the client and then the server. Prints what was sent and what came, as SHA-256, then
  /// "done", and closes when there is a file named `close`.
  static let peer = """
    import hashlib, os, socket, sys, threading, time
    role, address, count, order = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    def connect():
        for attempt in range(200):
            try:
                return socket.create_connection((address, 9000), 5)
            except OSError:
                time.sleep(0.1)
        sys.exit("no connection")
    if role == "server":
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, 9000))
        listener.listen(8)
        s, _ = listener.accept()
        listener.close()
    else:
        s = connect()
    s.settimeout(120)
    block = bytearray(os.urandom(1 << 20))
    def send():
        digest, left, number = hashlib.sha256(), count, 0
        while left:
            block[:8] = number.to_bytes(8, "big")
            piece = memoryview(block)[:min(left, len(block))]
            digest.update(piece)
            s.sendall(piece)
            left -= len(piece)
            number += 1
        print("sent", digest.hexdigest(), flush=True)
    def receive():
        digest, left, buffer = hashlib.sha256(), count, memoryview(bytearray(1 << 20))
        while left:
            length = s.recv_into(buffer, min(left, len(buffer)))
            if length == 0:
                sys.exit("closed early")
            digest.update(buffer[:length])
            left -= length
        print("received", digest.hexdigest(), flush=True)
    if order == "both":
        other = threading.Thread(target=send)
        other.start()
        receive()
        other.join()
    else:
        for step in (send, receive) if role == "client" else (receive, send):
            step()
    print("done", flush=True)
    while not os.path.exists("close"):
        time.sleep(0.05)
    s.shutdown(socket.SHUT_WR)
    s.recv(1)
    s.close()
    """
}
