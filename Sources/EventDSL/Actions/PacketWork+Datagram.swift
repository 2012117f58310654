// Unsafe: writes into the memory of `PacketWork`. Invariant: what is written is shorter than that.
import MOSCore

extension PacketWork {
  /// Puts another IP datagram in the place of the packet's.
  mutating func replaceDatagram(
    with bytes: UnsafeRawBufferPointer, longest: Int?, identification: UInt32, _ datagrams: inout Datagrams
  ) -> PacketEditOutcome {
    guard stage == .sender, !isDropped, replacementCount == 0 else { return stage == .none ? .noPacket : .tooLate }
    guard packet.pointee.tunnelDepth == 0 else { return .insideTunnel }
    let link = packet.pointee.network - packet.pointee.frame
    // Something in front of IP says which version it is: the EtherType, as of frames without anything else that does.
    guard let datagram = bytes.baseAddress, bytes.count >= 20, link >= 14,
      packet.pointee.linkType == .ethernet,
      packet.pointee.frame.loadBE16(at: link - 2) == (packet.pointee.ipVersion == 4 ? EtherType.ipv4 : EtherType.ipv6)
    else { return .notSupported }
    guard link + bytes.count <= capacity else { return .exceedsCapacity }
    let isV4 = datagram.load8(at: 0) >> 4 == 4
    let frame = memory(link: link)
    (frame + link).copyMemory(from: datagram, byteCount: bytes.count)
    frame.storeBE16(isV4 ? EtherType.ipv4 : EtherType.ipv6, at: link - 2)
    var new = DecodedPacket(frame: UnsafeRawPointer(frame))
    datagrams.describe(
      CapturedFrame(
        bytes: UnsafeRawPointer(frame), capturedLength: UInt32(link + bytes.count),
        wireLength: UInt32(link + bytes.count), timestamp: packet.pointee.timestamp, linkType: .ethernet),
      number: packet.pointee.number, into: &new)
    new.clock = packet.pointee.clock
    new.hash = packet.pointee.hash
    new.isSelected = packet.pointee.isSelected
    take(new, longest: longest.map { UInt32(clamping: $0) }, identification: identification)
    return .done
  }

  /// The packet leaves in fragments of at most `longest` bytes.
  mutating func cut(longest: Int) -> PacketEditOutcome {
    guard stage == .sender, !isDropped else { return stage == .none ? .noPacket : .tooLate }
    guard packet.pointee.tunnelDepth == 0 else { return .insideTunnel }
    guard packet.pointee.kind != .fragment, !packet.pointee.isReassembled else { return .fragment }
    guard longest >= 68, packet.pointee.ipVersion != 0 else { return .notSupported }
    if packet.pointee.ipLength > longest { keepFragments(UInt32(clamping: longest)) }
    return .done
  }
}
