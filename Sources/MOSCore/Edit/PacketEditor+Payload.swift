/// Changes to the payload. Offsets count from its first byte.
///
/// What lies behind the IP datagram in the frame (Ethernet's padding) goes when the length changes. Bytes that are given
/// must not lie in the editor's buffer.
extension PacketEditor {
  /// Overwrites payload bytes from `offset` on; the length stays.
  public mutating func overwritePayload(at offset: Int, with bytes: UnsafeRawBufferPointer) -> PacketEditOutcome {
    guard payloadOffset > 0 else { return .noPacket }
    guard contains(offset, bytes.count) else { return .outsidePayload }
    guard let source = bytes.baseAddress, bytes.count > 0 else { return .done }
    let target = base + (payloadOffset + offset)
    var delta = ChecksumDelta()
    delta.remove(target, count: bytes.count, isOdd: offset & 1 != 0)
    delta.add(source, count: bytes.count, isOdd: offset & 1 != 0)
    target.copyMemory(from: source, byteCount: bytes.count)
    applyToTransport(delta)
    return .done
  }

  /// Inserts bytes before the payload byte at `offset`, or behind the last one. The IP datagram must not become longer than
  /// `mtu`.
  public mutating func insertPayload(
    at offset: Int, _ bytes: UnsafeRawBufferPointer, mtu: Int
  ) -> PacketEditOutcome {
    replacePayload(at: offset, count: 0, with: bytes, mtu: mtu)
  }

  /// Removes `count` payload bytes from `offset` on.
  public mutating func removePayload(at offset: Int, count: Int) -> PacketEditOutcome {
    replacePayload(at: offset, count: count, with: UnsafeRawBufferPointer(start: nil, count: 0), mtu: .max)
  }

  /// Puts `bytes` in the place of `count` payload bytes from `offset` on. The IP datagram must not become longer than `mtu`,
  /// unless it becomes no longer than it is.
  ///
  /// TCP's urgent pointer (RFC 9293 3.8.5) goes with the byte that it stands behind, as far as 16 bits reach. Sequence
  /// numbers are the caller's.
  public mutating func replacePayload(
    at offset: Int, count: Int, with bytes: UnsafeRawBufferPointer, mtu: Int
  ) -> PacketEditOutcome {
    guard payloadOffset > 0 else { return .noPacket }
    guard contains(offset, count) else { return .outsidePayload }
    if count == bytes.count { return overwritePayload(at: offset, with: bytes) }
    guard isResizable else { return .fixedLength }
    let growth = bytes.count - count
    let newLength = ipLength + growth
    // The length field of IPv6 does not count the fixed header.
    let largest = ipVersion == 4 ? 0xffff : 0xffff + Int(IPv6Header.length)
    if growth > 0 {
      guard newLength <= min(mtu, largest) else { return .exceedsMTU }
      guard networkOffset + newLength <= capacity else { return .exceedsCapacity }
    }

    let hole = base + (payloadOffset + offset)
    let tail = payloadLength - offset - count
    var delta = ChecksumDelta()
    let isOdd = offset & 1 != 0
    delta.remove(hole, count: count, isOdd: isOdd)
    if growth & 1 != 0 {
      // Each byte of the rest comes to stand in the other half of its word.
      let wasOdd = (offset + count) & 1 != 0
      delta.remove(hole + count, count: tail, isOdd: wasOdd)
      delta.add(hole + count, count: tail, isOdd: !wasOdd)
    }
    (hole + bytes.count).copyMemory(from: hole + count, byteCount: tail)
    if let source = bytes.baseAddress, bytes.count > 0 {
      delta.add(source, count: bytes.count, isOdd: isOdd)
      hole.copyMemory(from: source, byteCount: bytes.count)
    }
    moveUrgentPointer(offset: offset, count: count, growth: growth, &delta)
    changeLengths(by: growth, &delta)
    applyToTransport(delta)
    return .done
  }

  private func contains(_ offset: Int, _ count: Int) -> Bool {
    offset >= 0 && count >= 0 && offset <= payloadLength && count <= payloadLength - offset
  }

  private func moveUrgentPointer(offset: Int, count: Int, growth: Int, _ delta: inout ChecksumDelta) {
    guard isTCP, transportHeader.load8(at: 13) & 0x20 != 0 else { return }
    let old = transportHeader.loadBE16(at: 18)
    guard Int(old) > offset else { return }
    let new = UInt16(clamping: max(Int(old), offset + count) + growth)
    delta.replace(old, with: new)
    (base + transportOffset).storeBE16(new, at: 18)
  }

  private mutating func changeLengths(by growth: Int, _ delta: inout ChecksumDelta) {
    let ipField = ipVersion == 4 ? 2 : 4
    let oldIP = UnsafeRawPointer(networkHeader).loadBE16(at: ipField)
    let newIP = UInt16(truncatingIfNeeded: Int(oldIP) + growth)
    networkHeader.storeBE16(newIP, at: ipField)
    if ipVersion == 4 {
      var header = ChecksumDelta()
      header.replace(oldIP, with: newIP)
      header.apply(to: networkHeader + 10)
    }
    payloadLength += growth
    ipLength += growth
    frameLength = payloadOffset + payloadLength
    // The pseudo-header has the length of header and payload; UDP has it once more.
    let new = UInt16(truncatingIfNeeded: frameLength - transportOffset)
    let old = UInt16(truncatingIfNeeded: frameLength - transportOffset - growth)
    // Without a pseudo-header, ICMP's checksum covers no length.
    if !isICMP || ipVersion == 6 { delta.replace(old, with: new) }
    if !isTCP && !isICMP {
      delta.replace(old, with: new)
      (base + transportOffset).storeBE16(new, at: 4)
    }
  }
}
