import MOSCore
import TestSupport
import Testing

/// A packet editor over a frame, what it was loaded with, and oracles for what it made.
final class EditorFixture {
  let memory: UnsafeMutableRawBufferPointer
  var editor: PacketEditor
  let outcome: PacketEditOutcome
  private let original: GuardedBytes
  private var packet: DecodedPacket
  private let linkType: LinkType

  /// Bytes that the buffer holds behind its end, to see whether somebody writes there.
  private static var guardLength: Int { 64 }

  init(
    _ frame: [UInt8], capacity: Int = 4096, linkType: LinkType = .ethernet,
    configuration: DecoderConfiguration = DecoderConfiguration(), wireLength: Int? = nil
  ) {
    memory = .allocate(byteCount: capacity + Self.guardLength, alignment: 16)
    memory.initializeMemory(as: UInt8.self, repeating: 0xa5)
    editor = PacketEditor(buffer: UnsafeMutableRawBufferPointer(rebasing: memory[..<capacity]))
    original = GuardedBytes(frame[...])
    self.linkType = linkType
    var decoder = PacketDecoder(configuration: configuration)
    packet = DecodedPacket(frame: UnsafeRawPointer(original.base))
    decoder.beginBurst()
    decoder.decode(
      CapturedFrame(
        bytes: UnsafeRawPointer(original.base), capturedLength: UInt32(frame.count),
        wireLength: UInt32(wireLength ?? frame.count), timestamp: Timestamp(nanoseconds: 0), linkType: linkType),
      number: 1, into: &packet)
    outcome = editor.load(packet)
  }

  deinit { memory.deallocate() }

  /// The frame as the editor has it.
  var frame: [UInt8] { Array(editor.frame) }
  /// The payload as the editor has it.
  var payload: [UInt8] { Array(editor.payload) }

  /// Everything that the editor says and has in memory, to see that a refusal leaves it.
  var state: [Int] {
    memory.map { Int($0) } + [
      editor.frameLength, editor.networkOffset, editor.transportOffset, editor.payloadOffset, editor.payloadLength,
    ]
  }

  /// Whether nothing was written behind the buffer.
  var isContained: Bool { memory[(memory.count - Self.guardLength)...].allSatisfy { $0 == 0xa5 } }

  /// Whether a host takes the frame: decoded anew, with all checksums calculated over the whole packet.
  func isValid(_ anomalies: AnomalySet = []) -> Bool {
    let harness = DecoderHarness()
    harness.decode(frame, link: linkType)
    return harness.packet.anomalies == anomalies && harness.packet.isAcceptable == anomalies.isEmpty
  }

  /// Whether `describe` says what decoding the frame anew says.
  func descriptionIsThatOfTheFrame() -> Bool {
    editor.describe(into: &packet)
    let harness = DecoderHarness()
    harness.decode(frame, link: linkType)
    let other = harness.packet
    func offsets(_ packet: DecodedPacket) -> [Int] {
      [packet.network - packet.frame, packet.transport - packet.frame, packet.payload - packet.frame]
        + [
          packet.payloadLength, packet.payloadWireLength, packet.ipLength, packet.capturedLength, packet.wireLength,
          packet.sequence, packet.acknowledgment,
        ].map { Int($0) }
        + [Int(packet.window), Int(packet.flags.rawValue), Int(packet.urgentPointer), Int(packet.timeToLive)]
        + [Int(packet.tcpHeaderLength)]
    }
    return offsets(packet) == offsets(other) && packet.key == other.key && packet.kind == other.kind
  }

  func overwrite(at offset: Int, with bytes: [UInt8]) -> PacketEditOutcome {
    bytes.withUnsafeBytes { editor.overwritePayload(at: offset, with: $0) }
  }

  func insert(at offset: Int, _ bytes: [UInt8], mtu: Int = 1500) -> PacketEditOutcome {
    bytes.withUnsafeBytes { editor.insertPayload(at: offset, $0, mtu: mtu) }
  }

  func replace(at offset: Int, count: Int, with bytes: [UInt8], mtu: Int = 1500) -> PacketEditOutcome {
    bytes.withUnsafeBytes { editor.replacePayload(at: offset, count: count, with: $0, mtu: mtu) }
  }
}

/// The forms in which the edited packets come.
enum PacketForm: CaseIterable, CustomTestStringConvertible {
  case ipv4, ipv6, ipv4Tagged, ipv6Tagged, ipv4Options, ipv4UDP, ipv6UDP, ipv4UDPWithoutChecksum

  var isTCP: Bool { self != .ipv4UDP && self != .ipv6UDP && self != .ipv4UDPWithoutChecksum }
  var isV6: Bool { self == .ipv6 || self == .ipv6Tagged || self == .ipv6UDP }
  var testDescription: String { "\(self)" }

  /// A builder of the form with the IP version's addresses.
  func builder(payload: [UInt8]) -> PacketBuilder {
    var builder = PacketBuilder(payload: payload)
    if isV6 { builder = builder.v6 }
    if self == .ipv4Options { builder.ipOptions = [1, 1, 1, 0] }
    if self == .ipv4UDPWithoutChecksum { builder.udpChecksum = 0 }
    return builder
  }

  /// The builder's frame in this form.
  func frame(_ builder: PacketBuilder) -> [UInt8] {
    let tags: [UInt16] = self == .ipv4Tagged ? [7] : self == .ipv6Tagged ? [100, 200] : []
    return builder.ethernet(isTCP ? builder.tcp : builder.udp, vlans: tags)
  }
}
