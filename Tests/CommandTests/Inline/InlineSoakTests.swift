import Foundation
import Testing

/// A SYN flood beside the transfers of many clients: for 12 seconds, or as many as `MOS_SOAK_SECONDS` says.
@Suite(
  "mos inline in a SYN flood", .serialized,
  .enabled(if: InlineNetwork.isPossible, "needs root, ip, ss, nft, ethtool, curl and python3: skipped"))
struct InlineSoakTests {
  private static let seconds = ProcessInfo.processInfo.environment["MOS_SOAK_SECONDS"].flatMap { Int($0) } ?? 12
  /// SYNs a second.
  private static let rate = 5_000

  @Test(
    "no transfer of 20 clients fails while 5,000 SYNs a second come from made-up addresses, and memory stays bounded")
  func soak() throws {
    let network = try InlineNetwork()
    network.makeFile("page", count: 1_000_000)
    // Answers go to where nobody is.
    network.run(in: network.server, "ip route add 198.18.0.0/15 via 10.9.0.1")
    try network.start(in: network.server, ["python3", "-c", Self.webServer])
    _ = network.wait { network.run(in: network.server, "ss -ltn | grep -q ':80 '").status == 0 }
    let box = try network.startBox(
      "box", ["--middlebox", "monitor", "--conn-log", network.path("conn.log"), "--max-flows", "20000"])
    let flood = try network.start(
      in: network.client, ["python3", "-c", Self.flood, "\(Self.rate)", "\(Self.seconds)"], messages: "flood")
    let clients = try network.start(
      in: network.client, ["python3", "-c", Self.clients, "\(Self.seconds - 1)"], messages: "clients")
    var sizes: [Int] = []
    while flood.isRunning || clients.isRunning {
      usleep(500_000)
      sizes.append(try residentKilobytes(of: box))
    }
    let flooded = Int(network.output("flood").split(separator: " ").first ?? "") ?? 0
    #expect(flooded > Self.rate * Self.seconds * 3 / 4, "\(network.messages("flood"))")
    let results = network.output("clients").split(separator: " ")
    #expect(results.count == 4, "\(network.output("clients")) \(network.messages("clients"))")
    let (done, failed) = (Int(results.first ?? "") ?? 0, Int(results.dropFirst(2).first ?? "") ?? -1)
    #expect(failed == 0 && done > 20, "\(network.output("clients")) \(network.messages("clients"))")

    // All flows that there is room for were there after the first seconds; from then on it is what it is.
    let early = sizes.prefix(sizes.count / 2).max() ?? 0
    let peak = sizes.max() ?? 0
    #expect(early > 0 && peak - early < 16_384, "\(sizes)")
    #expect(peak < 512 * 1_024, "\(sizes)")
    let summary = try network.end(box, "box")
    print("SYN flood, \(Self.seconds) s: \(flooded) SYNs, \(done) transfers, \(failed) failed, box \(peak) kB at most")
    for port in ["net_af_packet0", "net_af_packet1"] {
      #expect(InlineNetwork.count("missed by the device", port, summary) == 0, "\(summary)")
    }
    var states: [String: Int] = [:]
    for record in network.records("conn.log") where record["id.resp_p"] as? Int == 80 {
      let isClient = (record["id.orig_h"] as? String)?.hasPrefix("10.9.0.") == true
      // One that has ended may be forgotten for want of room before its last segment, which is then a flow of its own.
      let bytes = ["orig_bytes", "resp_bytes"].reduce(0) { $0 + (record[$1] as? Int ?? 0) }
      if isClient, record["midstream"] as? Bool == true, bytes == 0 { continue }
      states["\(isClient) \(record["conn_state"] as? String ?? "")", default: 0] += 1
    }
    #expect(states["true SF"] == done, "\(states)")
    #expect(states.keys.filter { $0.hasPrefix("true") } == ["true SF"], "\(states)")
    // An answer that is sent again may find its SYN forgotten.
    let others = states.filter { $0.key.hasPrefix("false") }
    #expect(others.values.reduce(0, +) >= flooded, "\(states)")
    #expect(Set(others.keys).isSubset(of: ["false S0", "false S1", "false OTH"]), "\(states)")
  }

  private func residentKilobytes(of process: Process) throws -> Int {
    let text = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
    let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
    return Int(line.split(separator: " ").dropFirst().first ?? "") ?? 0
  }

  private static let webServer = """
    import http.server
    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 1024
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass
    Server(("10.9.0.2", 80), Handler).serve_forever()
    """

  /// 20 threads that fetch a page again and again, and compare it.
  private static let clients = """
    import sys, threading, time, urllib.request
    whole = open("page", "rb").read()
    end = time.monotonic() + int(sys.argv[1])
    done, failed, lock = 0, 0, threading.Lock()
    def fetch():
        global done, failed
        while time.monotonic() < end:
            try:
                good = urllib.request.urlopen("http://10.9.0.2/page", timeout=20).read() == whole
            except OSError as error:
                print(error, file=sys.stderr)
                good = False
            with lock:
                if good:
                    done += 1
                else:
                    failed += 1
            time.sleep(0.2)
    threads = [threading.Thread(target=fetch) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(done, "done,", failed, "failed")
    """

  /// Frames that are made in advance, each from another address and port of 198.18.0.0/15, in bursts of 5 ms.
  private static let flood = """
    import random, socket, struct, sys, time
    rate, seconds = int(sys.argv[1]), int(sys.argv[2])
    def checksum(data):
        total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
        total = (total >> 16) + (total & 0xffff)
        return ~((total >> 16) + total) & 0xffff
    def read(name):
        return open(name).read().strip()
    own = bytes.fromhex(read("/sys/class/net/c0/address").replace(":", ""))
    probe = socket.socket(type=socket.SOCK_DGRAM)
    probe.sendto(b"", ("10.9.0.2", 9))
    time.sleep(0.3)
    peer = ""
    for line in open("/proc/net/arp"):
        if line.startswith("10.9.0.2 "):
            peer = line.split()[3]
    random.seed(1)
    frames = []
    server = socket.inet_aton("10.9.0.2")
    for number in range(rate * seconds):
        source = struct.pack(">I", 0xc6120000 + number % 0x20000)
        port = 1024 + number // 0x20000 * 7 + number % 5
        tcp = struct.pack(">HHIIBBHHH", port, 80, random.getrandbits(32), 0, 0x50, 2, 64240, 0, 0)
        pseudo = source + server + struct.pack(">BBH", 0, 6, 20)
        tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp)) + tcp[18:]
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 40, number & 0xffff, 0x4000, 64, 6, 0) + source + server
        ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
        frames.append(bytes.fromhex(peer.replace(":", "")) + own + bytes.fromhex("0800") + ip + tcp)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind(("c0", 0))
    start, sent = time.monotonic(), 0
    while sent < len(frames):
        due = min(len(frames), int((time.monotonic() - start) * rate) + 1)
        for frame in frames[sent:due]:
            s.send(frame)
        sent = max(sent, due)
        time.sleep(0.005)
        if time.monotonic() - start > 2 * seconds:
            break
    print(sent, "SYNs")
    """
}
