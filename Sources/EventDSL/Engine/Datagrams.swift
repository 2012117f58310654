// Unsafe: owns memory for a frame. Invariant: it has room for the longest IP datagram behind the longest link header that is
// taken.
import MOSCore

/// Datagrams that came in fragments, and pass middleboxes as a whole because one of them needs it.
struct Datagrams: ~Copyable {
  private static let mostLinkBytes = 256
  private static let memoryBytes = 65_576 + mostLinkBytes

  private let needs: [(UnsafePointer<DecodedPacket>) -> Bool]
  /// Describes a fragment by itself: neither put together nor taken out of a tunnel.
  private var decoder: PacketDecoder
  private let fragment: UnsafeMutablePointer<DecodedPacket>
  private let memory: UnsafeMutableRawPointer

  /// `needs` is what each middlebox says of a fragment.
  init(_ needs: [(UnsafePointer<DecodedPacket>) -> Bool]) {
    self.needs = needs
    var configuration = DecoderConfiguration()
    configuration.verifyChecksums = false
    configuration.reassembleFragments = false
    configuration.maximumTunnelDepth = 0
    decoder = PacketDecoder(configuration: configuration)
    memory = .allocate(byteCount: Datagrams.memoryBytes, alignment: 64)
    fragment = .allocate(capacity: 1)
    fragment.initialize(to: DecodedPacket(frame: UnsafeRawPointer(memory)))
  }

  deinit {
    memory.deallocate()
    fragment.deallocate()
  }

  /// Whether the datagram is awaited of which the packet's frame has a fragment. One inside of a tunnel is not: what is around
  /// it passes by itself.
  mutating func areAwaited(_ packet: UnsafePointer<DecodedPacket>) -> Bool {
    if packet.pointee.kind == .fragment, packet.pointee.tunnelDepth > 0 { return false }
    let frame = CapturedFrame(
      bytes: packet.pointee.frame, capturedLength: packet.pointee.capturedLength,
      wireLength: packet.pointee.wireLength, timestamp: packet.pointee.timestamp, linkType: packet.pointee.linkType)
    decoder.decode(frame, number: packet.pointee.number, into: &fragment.pointee)
    guard fragment.pointee.ipVersion != 0 else { return false }
    return needs.contains { $0(fragment) }
  }

  /// Describes a frame that is whole.
  mutating func describe(_ frame: CapturedFrame, number: UInt64, into packet: inout DecodedPacket) {
    decoder.decode(frame, number: number, into: &packet)
  }

  /// Makes the packet, whose frame has the last fragment that came, one of a frame with the whole datagram, which stays until
  /// the next call. `false`, and nothing is done, for what is in a tunnel or cannot be changed. Precondition: `areAwaited` was
  /// asked of it.
  func join(_ packet: UnsafeMutablePointer<DecodedPacket>) -> Bool {
    let link = fragment.pointee.network - fragment.pointee.frame
    let length = Int(packet.pointee.ipLength)
    let network = packet.pointee.network
    let end = packet.pointee.payload + Int(packet.pointee.payloadLength)
    guard packet.pointee.kind.rawValue <= PacketKind.icmpv6.rawValue, packet.pointee.tunnelDepth == 0,
      link >= 0, link <= Datagrams.mostLinkBytes, end - network == length, link + length <= Datagrams.memoryBytes
    else { return false }
    memory.copyMemory(from: packet.pointee.frame, byteCount: link)
    (memory + link).copyMemory(from: network, byteCount: length)
    let distance = UnsafeRawPointer(memory + link) - network
    packet.pointee.frame = UnsafeRawPointer(memory)
    packet.pointee.capturedLength = UInt32(link + length)
    packet.pointee.wireLength = UInt32(link + length)
    packet.pointee.network += distance
    packet.pointee.transport += distance
    packet.pointee.payload += distance
    packet.pointee.isReassembled = false
    return true
  }
}
