import MTCP
import TestSupport
import Testing

/// A control connection through a NAT: two ends that count their own bytes, and have what reached them.
final class FTPControl {
  /// An end: its name where it is, its peer's name as it knows it, its next number, and what it has of the other's stream.
  struct End {
    var own: TestEnd
    var peer: TestEnd
    var next: UInt32
    var received: [UInt8] = []
    var expected: UInt32 = 0
    /// The highest acknowledgment that came.
    var acknowledged: UInt32 = 0
  }

  let net: NATFixture
  var client: End
  var server: End
  /// Frames that left with a wrong checksum.
  private(set) var wrong = 0

  /// Opens a connection; the names are those that each end knows.
  init(_ net: NATFixture, client: String, seenAs: String, server: String, knownAs: String) {
    self.net = net
    self.client = End(own: TestEnd(client), peer: TestEnd(knownAs), next: 1_000)
    self.server = End(own: TestEnd(server), peer: TestEnd(seenAs), next: 7_000)
    #expect(send(fromClient: true, flags: 2) == 1)
    self.client.next += 1
    #expect(send(fromClient: false, flags: 0x12) == 1)
    self.server.next += 1
    #expect(send(fromClient: true, flags: 0x10) == 1)
  }

  /// A client behind the NAT and a server outside.
  convenience init(_ net: NATFixture) {
    self.init(
      net, client: "10.0.0.1:40000", seenAs: "198.51.100.1:40000", server: "203.0.113.1:21", knownAs: "203.0.113.1:21")
  }

  /// Sends a segment; how many packets left. What reaches an end is taken by it as a host does.
  @discardableResult
  func send(
    fromClient: Bool, flags: UInt16 = 0x18, _ text: [UInt8] = [], at number: UInt32? = nil, options: [UInt8] = []
  ) -> Int {
    let end = fromClient ? client : server
    var builder = PacketBuilder(payload: text)
    (builder.source, builder.sourcePort) = (end.own.address, end.own.port)
    (builder.destination, builder.destinationPort) = (end.peer.address, end.peer.port)
    (builder.sequence, builder.acknowledgment) = (number ?? end.next, flags & 0x10 == 0 ? 0 : end.expected)
    builder.flags = flags
    builder.tcpOptions = options
    let left = net.send(builder.tcpFrame)
    for frame in left { deliver(frame) }
    return left.count
  }

  /// Sends text in segments of `size`, each acknowledged.
  func say(fromClient: Bool, _ text: String, size: Int = 1_000) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let piece = Array(rest.prefix(size))
      rest = rest.dropFirst(size)
      send(fromClient: fromClient, piece)
      if fromClient { client.next += UInt32(piece.count) } else { server.next += UInt32(piece.count) }
      send(fromClient: !fromClient, flags: 0x10)
    }
  }

  private func deliver(_ frame: [UInt8]) {
    if internetChecksum(Array(frame[14..<34])) != 0 { wrong += 1 }
    let length = Int(frame[16]) << 8 | Int(frame[17])
    let segment = Array(frame[34..<14 + length])
    let pseudo = Array(frame[26..<34]) + [0, 6] + be(UInt16(segment.count))
    if internetChecksum(pseudo + segment) != 0 { wrong += 1 }
    func word(_ at: Int) -> UInt32 { segment[at..<at + 4].reduce(0) { $0 << 8 | UInt32($1) } }
    let text = segment[(Int(segment[12] >> 4) * 4)...]
    let source = TestEnd(address: Array(frame[26..<30]), port: UInt16(segment[0]) << 8 | UInt16(segment[1]))
    let destination = TestEnd(address: Array(frame[30..<34]), port: UInt16(segment[2]) << 8 | UInt16(segment[3]))
    let isForClient = destination == client.own
    #expect(source == (isForClient ? client : server).peer && destination == (isForClient ? client : server).own)
    var end = isForClient ? client : server
    if segment[13] & 2 != 0 { end.expected = word(4) &+ 1 }
    if segment[13] & 0x10 != 0 {
      end.acknowledged = word(8)
      #expect(Int32(bitPattern: word(8) &- end.next) <= 1_500, "acknowledges what was not sent")
    }
    if word(4) == end.expected, !text.isEmpty {
      end.received += text
      end.expected &+= UInt32(text.count)
    }
    if isForClient { client = end } else { server = end }
  }

  /// What reached the server, and the client.
  var commands: String { String(decoding: server.received, as: UTF8.self) }
  var replies: String { String(decoding: client.received, as: UTF8.self) }
}
