/// What names a flow: addresses, ports, VLAN tags and IP protocol, in the order in which one packet carries them.
///
/// For ICMP the ports are what pairs requests with replies (type and identifier, as in Zeek's records).
@frozen
public struct FlowKey: BitwiseCopyable, Hashable, Sendable {
  /// Source address.
  public var source: IPAddress
  /// Destination address.
  public var destination: IPAddress
  /// Ports, VLAN tags and protocol in one word: source port, destination port (16 bits each, the source uppermost),
  /// outer VLAN, inner VLAN (12 bits each, 0: none), IP protocol number (8 bits).
  public var rest: UInt64

  /// A key from its parts. `vlan` and `innerVLAN` are 12-bit identifiers, 0 where there is no tag.
  @inlinable public init(
    source: IPAddress, sourcePort: UInt16, destination: IPAddress, destinationPort: UInt16,
    vlan: UInt16 = 0, innerVLAN: UInt16 = 0, protocolNumber: UInt8
  ) {
    self.source = source
    self.destination = destination
    rest =
      UInt64(sourcePort) << 48 | UInt64(destinationPort) << 32 | UInt64(vlan & 0xfff) << 20
      | UInt64(innerVLAN & 0xfff) << 8 | UInt64(protocolNumber)
  }

  /// Source port in host order.
  @inlinable public var sourcePort: UInt16 {
    get { UInt16(truncatingIfNeeded: rest >> 48) }
    set { rest = rest & 0x0000_ffff_ffff_ffff | UInt64(newValue) << 48 }
  }
  /// Destination port in host order.
  @inlinable public var destinationPort: UInt16 {
    get { UInt16(truncatingIfNeeded: rest >> 32) }
    set { rest = rest & 0xffff_0000_ffff_ffff | UInt64(newValue) << 32 }
  }
  /// Outer VLAN identifier, 0 for none.
  @inlinable public var vlan: UInt16 { UInt16(truncatingIfNeeded: rest >> 20) & 0xfff }
  /// Inner VLAN identifier, 0 for none.
  @inlinable public var innerVLAN: UInt16 { UInt16(truncatingIfNeeded: rest >> 8) & 0xfff }
  /// IP protocol number (IANA): 6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6.
  @inlinable public var protocolNumber: UInt8 { UInt8(truncatingIfNeeded: rest) }

  /// The key that packets of the other direction carry.
  @inlinable public var reversed: FlowKey {
    var key = self
    key.source = destination
    key.destination = source
    key.rest = (rest >> 16 & 0xffff_0000_0000) | (rest << 16 & 0xffff_0000_0000_0000) | (rest & 0xffff_ffff)
    return key
  }

  /// Whether the source endpoint is the smaller one, so that both directions of a flow agree on one order.
  @inlinable public var isCanonical: Bool {
    if source != destination { return source < destination }
    return sourcePort <= destinationPort
  }

  /// This key or its reverse: the one with the smaller endpoint as source.
  @inlinable public var canonical: FlowKey { isCanonical ? self : reversed }
}
