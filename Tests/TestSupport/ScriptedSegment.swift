import MOSCore

/// One segment of a script, built into memory as the decoder would hand it over.
package struct ScriptedSegment {
  package var time: Double = 0
  /// Packet time before it.
  package var clock = -Double.infinity
  package var sender: Side = .client
  package var flags: TCPFlags = []
  package var sequence: UInt32 = 0
  package var acknowledgment: UInt32 = 0
  package var window: UInt16 = 65_535
  package var urgentPointer: UInt16 = 0
  package var timeToLive: UInt8 = 64
  package var options: [UInt8] = []
  package var payload: [UInt8] = []
  /// Payload bytes that the headers claim beyond those captured.
  package var missingPayload: UInt32 = 0
  package var anomalies = AnomalySet(rawValue: 0)
  package var isAcceptable = true
  package var number: UInt64 = 0
  package var clientPort: UInt16 = 40_000
  package var clientAddress: UInt32 = 0x0a00_0001
  package var kind: PacketKind = .tcp
  package var isSelected = true
  /// It goes no further than its sender's step.
  package var isDropped = false
  /// Its receiver's step can be undone, and is confirmed.
  package var isRevocable = false
  /// Its receiver's step is undone.
  package var isUndone = false
  /// What its receiver gets in its place; empty for the segment itself.
  package var changed: [ScriptedSegment] = []
  /// From here on the two ends count in different numbers.
  package var translates = false
  /// Something happens between its two steps.
  package var isInterfered: Bool { isDropped || isRevocable || isUndone || translates || !changed.isEmpty }

  package init() {}

  /// Packet time `seconds` after the script's start.
  package static func timestamp(_ seconds: Double) -> Timestamp {
    Timestamp(nanoseconds: 1_700_000_000_000_000_000 + Int64((seconds * 1e9).rounded()))
  }

  /// The header bytes, then the payload.
  package var bytes: [UInt8] {
    var padded = options
    while padded.count % 4 != 0 { padded.append(1) }
    return [UInt8](repeating: 0, count: 20) + padded + payload
  }

  /// Calls `body` with the packet, whose pointers are valid for the call.
  package func withPacket<Result>(_ body: (UnsafeMutablePointer<DecodedPacket>) -> Result) -> Result {
    let bytes = bytes
    // A block of its own, so that a sanitizer sees any step over its end.
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { memory.deallocate() }
    var packet = packet(bytes, in: memory)
    return withUnsafeMutablePointer(to: &packet, body)
  }

  /// The packet, whose `bytes` are copied to `memory`, where its pointers lead.
  package func packet(_ bytes: [UInt8], in memory: UnsafeMutableRawPointer) -> DecodedPacket {
    memory.copyMemory(from: bytes, byteCount: bytes.count)
    let headerLength = bytes.count - payload.count
    var packet = DecodedPacket(frame: memory)
    packet.number = number
    packet.timestamp = ScriptedSegment.timestamp(time)
    packet.clock = ScriptedSegment.timestamp(max(time, clock))
    packet.transport = UnsafeRawPointer(memory)
    packet.payload = UnsafeRawPointer(memory + headerLength)
    packet.payloadLength = UInt32(payload.count)
    packet.payloadWireLength = UInt32(payload.count) + missingPayload
    packet.ipLength = UInt32(20 + bytes.count) + missingPayload
    packet.capturedLength = packet.ipLength
    packet.wireLength = packet.ipLength
    let key = FlowKey(
      source: IPAddress(v4: clientAddress), sourcePort: clientPort, destination: IPAddress(v4: 0x0a00_0002),
      destinationPort: 80, protocolNumber: kind == .udp ? 17 : 6)
    packet.key = sender == .client ? key : key.reversed
    packet.sequence = sequence
    packet.acknowledgment = acknowledgment
    packet.flags = flags
    packet.window = window
    packet.urgentPointer = urgentPointer
    packet.tcpHeaderLength = UInt8(headerLength)
    packet.timeToLive = timeToLive
    packet.ipVersion = 4
    packet.kind = kind
    packet.isSelected = isSelected
    packet.anomalies = anomalies
    if kind == .tcp, PacketDecoder.flagsAreInvalid(UInt64(flags.rawValue)) { packet.anomalies.insert(.tcpFlagsInvalid) }
    packet.isAcceptable = isAcceptable
    return packet
  }
}

extension ScriptedSegment {
  /// The segment as an Ethernet frame between the two hosts of a script; with a wrong checksum where the script says that
  /// the decoder refused it.
  package var frame: [UInt8] {
    var builder = PacketBuilder(payload: payload)
    builder.sourcePort = clientPort
    if sender == .server { builder = builder.reversed }
    builder.sequence = sequence
    builder.acknowledgment = acknowledgment
    builder.flags = flags.rawValue
    builder.window = window
    builder.urgentPointer = urgentPointer
    builder.timeToLive = timeToLive
    var padded = options
    while padded.count % 4 != 0 { padded.append(1) }
    builder.tcpOptions = padded
    if !isAcceptable { builder.tcpChecksum = 1 }
    return kind == .udp ? builder.udpFrame : builder.tcpFrame
  }
}
