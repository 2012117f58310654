import DualStackTracker
import EventDSL
import MOSCore
import MTCP
import Middleboxes

/// The input is a byte that says how its rest is cut, and what a client behind a NAT, or a server there, says on an FTP
/// control connection. However it is cut, the other end gets the same bytes, with right checksums.
let ftpTarget = Target(
  name: "ftp",
  run: { data, size in
    guard let data, size >= 2, size <= 2_000 else { return 0 }
    let text = [UInt8](UnsafeBufferPointer(start: data + 1, count: size - 1))
    for isCommand in [true, false] {
      let byLine = FTPRun(isCommand: isCommand).play(text) { rest in
        min(1_000, rest.firstIndex(of: 10).map { $0 - rest.startIndex + 1 } ?? rest.count)
      }
      let cut = FTPRun(isCommand: isCommand).play(text) { rest in min(Int(data[0] % 48) + 1, rest.count) }
      precondition(byLine == cut, "what arrives depends on how it was cut")
      precondition(byLine.count <= 2 * text.count + 64)
    }
    return 0
  },
  seeds: { _ in
    [
      "USER a\r\nPORT 10,0,0,1,156,65\r\nEPRT |1|10.0.0.1|40002|\r\nQUIT\r\n",
      "220 x\r\n227 Entering Passive Mode (10,0,0,1,195,81).\r\n229 Passive (|||50001|)\r\n",
      "PORT 10,0,0,2,1,1\r\nEPRT |2|::1|4000|\r\n227 =10,0,0,1,9,9\r\nPORT 10,0,0,1,0,21\r\n",
    ].flatMap { text in [0, 4, 20].map { [$0] + Array(text.utf8) } }
  })

/// A control connection through a NAT, of which one end speaks.
private struct FTPRun: ~Copyable {
  private static let client = IPAddress(v4: 0x0a00_0001)
  private static let server = IPAddress(v4: 0xcb00_7101)
  private static let external = IPAddress(v4: 0xc633_6401)
  private var engine: EventEngine
  private var decoder = PacketDecoder(configuration: DecoderConfiguration())
  private let isCommand: Bool
  private var received: [UInt8] = []
  private var expected: UInt32 = 0
  private var number: UInt64 = 0
  private var clock = Timestamp(nanoseconds: .min)

  init(isCommand: Bool) {
    self.isCommand = isCommand
    let forward = "{protocol: tcp, external: 198.51.100.1, ports: 21, to: 10.0.0.1}"
    let text = "{internal: 10.0.0.0/8, external: 198.51.100.1, maximum: 64, forwards: [\(forward)]}"
    var tracker = TrackerConfiguration()
    tracker.maximumFlows = 100
    guard let configuration = try? NATConfiguration(bytes: Array(text.utf8), file: "nat.yaml"),
      let engine = try? EventEngine([NAT(configuration, seed: 1)], tracker: tracker)
    else { fatalError("the NAT does not begin") }
    self.engine = engine
  }

  /// Says `text` in pieces of the sizes that `size` gives; what arrives, up to the end of the last line.
  consuming func play(_ text: [UInt8], size: (ArraySlice<UInt8>) -> Int) -> [UInt8] {
    send(bySpeaker: isCommand, flags: .syn, sequence: 1_000, acknowledgment: 0, [])
    send(bySpeaker: !isCommand, flags: [.syn, .ack], sequence: isCommand ? 5_000 : 1_000, acknowledgment: 1_001, [])
    if !isCommand { expected = 1_001 }
    var rest = text[...]
    var next: UInt32 = 1_001
    while !rest.isEmpty {
      let piece = Array(rest.prefix(size(rest)))
      rest = rest.dropFirst(piece.count)
      send(bySpeaker: true, flags: [.psh, .ack], sequence: next, acknowledgment: isCommand ? 5_001 : 1_001, piece)
      next &+= UInt32(piece.count)
      send(
        bySpeaker: false, flags: .ack, sequence: isCommand ? 5_001 : 1_001, acknowledgment: expected, [])
    }
    // The last line is looked at when it is complete.
    return received.lastIndex(of: 10).map { Array(received[...$0]) } ?? []
  }

  private mutating func send(
    bySpeaker isSpeaker: Bool, flags: TCPFlags, sequence: UInt32, acknowledgment: UInt32, _ text: [UInt8]
  ) {
    let isInside = isSpeaker || flags == .syn && isCommand
    let (hostPort, otherPort): (UInt16, UInt16) = isCommand ? (40_000, 21) : (21, 40_000)
    var frame: [UInt8] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]
    let total = UInt16(40 + text.count)
    let (source, destination) =
      isInside ? (FTPRun.client, FTPRun.server) : (FTPRun.server, FTPRun.external)
    var network: [UInt8] = [0x45, 0] + bytes(total) + [0, 0, 0x40, 0, 64, 6, 0, 0]
    network += bytes(UInt32(truncatingIfNeeded: source.low)) + bytes(UInt32(truncatingIfNeeded: destination.low))
    var transport = bytes(isInside ? hostPort : otherPort) + bytes(isInside ? otherPort : hostPort)
    transport += bytes(sequence) + bytes(acknowledgment) + bytes(0x5000 | flags.rawValue)
    transport += [0xff, 0xff, 0, 0, 0, 0] + text
    network.withUnsafeMutableBytes { header in
      header.storeBytes(of: Checksum.of(header.baseAddress!, count: 20).bigEndian, toByteOffset: 10, as: UInt16.self)
      transport.withUnsafeMutableBytes { segment in
        var checksum = Checksum(
          ipv4Header: header.baseAddress!, protocolNumber: IPProtocol.tcp, length: UInt32(segment.count))
        checksum.add(segment.baseAddress!, count: segment.count)
        segment.storeBytes(of: checksum.value.bigEndian, toByteOffset: 16, as: UInt16.self)
      }
    }
    frame += network + transport
    pass(frame)
  }

  private mutating func pass(_ frame: [UInt8]) {
    number += 1
    frame.withUnsafeBytes { bytes in
      let captured = CapturedFrame(
        bytes: bytes.baseAddress!, capturedLength: UInt32(bytes.count), wireLength: UInt32(bytes.count),
        timestamp: Timestamp(nanoseconds: Int64(number) * 1_000_000), linkType: .ethernet)
      var packet = DecodedPacket(frame: captured.bytes)
      decoder.beginBurst()
      withUnsafePointer(to: captured) { decoder.decode($0, count: 1, number: number, clock: &clock, into: &packet) }
      withUnsafeMutablePointer(to: &packet) { engine.process($0, count: 1) }
      precondition(engine.output.count > 0, "a segment in its order was dropped")
      for index in 0..<engine.output.count { take(engine.output[index].frame) }
      engine.output.removeAll()
    }
  }

  /// What leaves for the one that listens is taken by it.
  private mutating func take(_ frame: CapturedFrame) {
    var packet = DecodedPacket(frame: frame.bytes)
    decoder.beginBurst()
    decoder.decode(frame, number: 1, into: &packet)
    precondition(packet.isAcceptable, "left with a wrong checksum or length")
    guard packet.key.destination == FTPRun.server else { return }
    precondition(packet.key.source == FTPRun.external)
    if packet.flags.contains(.syn) { expected = packet.sequence &+ 1 }
    guard packet.payloadLength > 0 else { return }
    precondition(packet.sequence == expected, "a gap, or bytes twice")
    received += UnsafeRawBufferPointer(start: packet.payload, count: Int(packet.payloadLength))
    expected &+= packet.payloadLength
  }

  private func bytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
  }
}
