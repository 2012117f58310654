import MOSCore

/// How a datagram that changed its version leaves.
enum DatagramFit {
  case whole
  /// In fragments of at most so many bytes.
  case fragments(Int)
  /// Not at all: its sender is told.
  case tooLong
}

extension NATTables {
  /// Whether a datagram of `length` bytes that a packet was translated to may leave, by the network that it goes to (RFC 7915
  /// 4, 5). `longestFragment` is that in which the packet came, nil for one that came as a whole.
  mutating func fit(
    _ length: Int, _ ends: ProtocolEnds, _ packet: UnsafePointer<DecodedPacket>, _ longestFragment: Int?
  ) -> DatagramFit {
    let mtu = mtu(toward: ends)
    if !ends.isV4, DatagramTranslation.mayBeCut(packet) {
      return length > DatagramTranslation.leastMTU ? .fragments(DatagramTranslation.leastMTU) : .whole
    }
    guard length > mtu else { return .whole }
    if let longestFragment { return longestFragment > mtu ? .fragments(mtu) : .whole }
    if ends.isV4, length <= DatagramTranslation.mostWithoutDF || DatagramTranslation.mayBeCut(packet) {
      return .fragments(mtu)
    }
    // As its sender counts, whose header is longer or shorter by twenty bytes.
    let isV4 = packet.pointee.ipVersion == 4
    exceededMTU = isV4 == ends.isV4 ? mtu : isV4 ? mtu - 20 : max(mtu + 20, DatagramTranslation.leastMTU)
    return .tooLong
  }

  private func mtu(toward ends: ProtocolEnds) -> Int {
    // Links of IPv6 take as much in any case (RFC 8200 5).
    guard ends.isV4 else { return max(messages.internalMTU, DatagramTranslation.leastMTU) }
    let destination = UInt32(truncatingIfNeeded: ends.destination.low)
    return realms.realm(of: destination) == .internal ? messages.internalMTU : messages.externalMTU
  }
}
