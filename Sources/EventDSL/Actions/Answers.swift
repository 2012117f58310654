import DualStackTracker
import MOSCore

extension PacketControl {
  /// Answers the packet with an ICMP error about it from `source`, an address of the middlebox: to its sender, back to where
  /// it came from. Whether it passes is decided by itself.
  ///
  /// It quotes the packet as it came to the middlebox, with as many bytes as there may be (RFC 1812 4.3.2.3, RFC 4443 2.4 c),
  /// and works in every event of a packet, of a flow or not. In that of a flow it goes back through the middleboxes that the
  /// packet has passed, which can translate and drop it, and is tracked as any packet; without one, and where none lies
  /// between, it leaves at once. The middlebox that calls this does not hear of it.
  ///
  /// Returns `false`, and sends nothing, about a packet that no error may be about (`ICMPError.write`) or that a middlebox made,
  /// beyond ten a second to one host or a thousand in all (RFC 1812 4.3.2.8, RFC 4443 2.4 f), in frames that are not Ethernet,
  /// and when it is the 65th of an event.
  @discardableResult
  public func answer(_ error: ICMPError, from source: IPAddress) -> Bool {
    answer(isLimited: true, etherType: source.isV4 ? EtherType.ipv4 : EtherType.ipv6) { packet, buffer in
      error.write(about: packet.pointee, from: source, into: buffer)
    }
  }

  /// Answers the packet with an IP datagram, of either version and complete, which goes the same way: the reply of an ICMP
  /// query, or of a UDP service. Segments of TCP are `Flow.inject`'s.
  ///
  /// Returns `false`, and sends nothing, for TCP, for what is no IP datagram of its length, to a packet that a middlebox made, in
  /// frames that are not Ethernet, and when it is longer than 2,018 bytes or the 65th of an event.
  @discardableResult
  public func answer(with datagram: UnsafeRawBufferPointer) -> Bool {
    guard datagram.count >= 20, let base = datagram.baseAddress else { return false }
    let isV4 = base.load8(at: 0) >> 4 == 4
    guard isV4 || base.load8(at: 0) >> 4 == 6 && datagram.count >= 40,
      base.load8(at: isV4 ? 9 : 6) != IPProtocol.tcp,
      Int(base.loadBE16(at: isV4 ? 2 : 4)) + (isV4 ? 0 : 40) == datagram.count
    else { return false }
    return answer(isLimited: false, etherType: isV4 ? EtherType.ipv4 : EtherType.ipv6) { _, buffer in
      guard datagram.count <= buffer.count else { return nil }
      buffer.baseAddress?.copyMemory(from: base, byteCount: datagram.count)
      return datagram.count
    }
  }

  private func answer(
    isLimited: Bool, etherType: UInt16,
    _ write: (UnsafePointer<DecodedPacket>, UnsafeMutableRawBufferPointer) -> Int?
  ) -> Bool {
    let core = occurrence.pointee.core
    guard core.pointee.table.acts, !core.pointee.isInjecting, let packet = occurrence.pointee.packet else {
      return false
    }
    let isMade = core.pointee.injections.add(PacketWay(answeringIn: occurrence)) { slot in
      guard let link = packet.pointee.writeReturningLink(etherType: etherType, into: slot) else { return nil }
      guard let length = write(packet, UnsafeMutableRawBufferPointer(rebasing: slot[link...])) else { return nil }
      // What is not sent takes nothing away from what is.
      if isLimited, !core.pointee.answerLimit.admits(packet.pointee.key.source, at: packet.pointee.clock) { return nil }
      return link + length
    }
    if isMade { core.pointee.hasMade = true }
    return isMade
  }
}

extension PacketWay {
  /// The way of an answer to the packet of an event: back through the middleboxes that it has passed. `sender` is the end
  /// from whose side it comes, whoever made it.
  fileprivate init(answeringIn occurrence: UnsafeMutablePointer<Occurrence>) {
    let core = occurrence.pointee.core
    let count = core.pointee.table.boxCount
    let box = core.pointee.table.box(of: occurrence.pointee.node)
    flow = 0
    sender = occurrence.pointee.flow == 0 ? .server : occurrence.pointee.sender.peer
    maker = box
    isReturned = true
    if occurrence.pointee.flow == 0 {
      passed = count
    } else if occurrence.pointee.hook == .receiver {
      passed = 0
    } else {
      passed = sender == .client ? box + 1 : count - box
    }
  }
}
