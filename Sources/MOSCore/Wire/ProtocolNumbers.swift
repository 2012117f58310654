/// EtherType values (IEEE registry) that the decoder knows.
public enum EtherType {
  /// IPv4.
  @inlinable public static var ipv4: UInt16 { 0x0800 }
  /// ARP.
  @inlinable public static var arp: UInt16 { 0x0806 }
  /// Transparent Ethernet bridging: an Ethernet frame follows (RFC 1701).
  @inlinable public static var ethernetBridging: UInt16 { 0x6558 }
  /// IEEE 802.1Q customer tag.
  @inlinable public static var vlan: UInt16 { 0x8100 }
  /// IPv6.
  @inlinable public static var ipv6: UInt16 { 0x86dd }
  /// PPP (RFC 1701, in GRE).
  @inlinable public static var ppp: UInt16 { 0x880b }
  /// MPLS unicast.
  @inlinable public static var mpls: UInt16 { 0x8847 }
  /// MPLS with an upstream-assigned label (formerly multicast).
  @inlinable public static var mplsUpstream: UInt16 { 0x8848 }
  /// PPPoE session stage.
  @inlinable public static var pppoeSession: UInt16 { 0x8864 }
  /// ERSPAN types I and II.
  @inlinable public static var erspan: UInt16 { 0x88be }
  /// ERSPAN type III.
  @inlinable public static var erspanIII: UInt16 { 0x22eb }
  /// IEEE 802.1ad service tag.
  @inlinable public static var serviceVLAN: UInt16 { 0x88a8 }
  /// The outer tag of pre-standard QinQ.
  @inlinable public static var legacyQinQ: UInt16 { 0x9100 }
}

/// IP protocol numbers (IANA registry) that the decoder knows.
public enum IPProtocol {
  /// IPv6 hop-by-hop options.
  @inlinable public static var hopByHop: UInt8 { 0 }
  /// ICMP.
  @inlinable public static var icmp: UInt8 { 1 }
  /// IPv4 in IP (RFC 2003).
  @inlinable public static var ipv4: UInt8 { 4 }
  /// TCP.
  @inlinable public static var tcp: UInt8 { 6 }
  /// UDP.
  @inlinable public static var udp: UInt8 { 17 }
  /// IPv6 in IP (RFC 2473, RFC 4213).
  @inlinable public static var ipv6: UInt8 { 41 }
  /// IPv6 routing header.
  @inlinable public static var routing: UInt8 { 43 }
  /// IPv6 fragment header.
  @inlinable public static var fragment: UInt8 { 44 }
  /// GRE.
  @inlinable public static var gre: UInt8 { 47 }
  /// Authentication header (RFC 4302).
  @inlinable public static var authentication: UInt8 { 51 }
  /// ICMPv6.
  @inlinable public static var icmpv6: UInt8 { 58 }
  /// IPv6: nothing follows.
  @inlinable public static var noNextHeader: UInt8 { 59 }
  /// IPv6 destination options.
  @inlinable public static var destinationOptions: UInt8 { 60 }
  /// MPLS in IP (RFC 4023).
  @inlinable public static var mpls: UInt8 { 137 }
}
