/// Encapsulations that the decoder may take off.
@frozen
public struct TunnelSet: OptionSet, BitwiseCopyable, Sendable {
  /// One bit for each encapsulation.
  public var rawValue: UInt16
  /// A set from its bits.
  @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
  /// IP in IP: 4in4 (RFC 2003), 6in4 (RFC 4213), 4in6 and 6in6 (RFC 2473).
  public static var ipInIP: TunnelSet { .init(rawValue: 1 << 0) }
  /// GRE version 0 (RFC 2784, RFC 2890), version 1 of PPTP (RFC 2637), ERSPAN, Aruba's 802.11 in GRE.
  public static var gre: TunnelSet { .init(rawValue: 1 << 1) }
  /// VXLAN (RFC 7348), UDP port 4789.
  public static var vxlan: TunnelSet { .init(rawValue: 1 << 2) }
  /// Geneve (RFC 8926), UDP port 6081.
  public static var geneve: TunnelSet { .init(rawValue: 1 << 3) }
  /// GTP-U version 1 (3GPP TS 29.281), UDP port 2152.
  public static var gtpU: TunnelSet { .init(rawValue: 1 << 4) }
  /// Teredo (RFC 4380), UDP port 3544; on other ports, packets with an address of Teredo's prefix.
  public static var teredo: TunnelSet { .init(rawValue: 1 << 5) }
  /// AYIYA, UDP port 5072.
  public static var ayiya: TunnelSet { .init(rawValue: 1 << 6) }
  /// MPLS label stacks on a link (RFC 3032), in IP and in GRE (RFC 4023).
  public static var mpls: TunnelSet { .init(rawValue: 1 << 7) }
  /// PPPoE sessions (RFC 2516).
  public static var pppoe: TunnelSet { .init(rawValue: 1 << 8) }
  /// Every encapsulation.
  public static var all: TunnelSet { .init(rawValue: 0x1ff) }
}

/// What a `PacketDecoder` does beyond finding headers.
public struct DecoderConfiguration: Sendable {
  /// Whether IP, TCP, UDP and ICMP checksums are looked at. Off where captures come from a host with checksum offload.
  public var verifyChecksums = true
  /// Whether IP fragments are put together.
  public var reassembleFragments = true
  /// The encapsulations that are taken off.
  public var tunnels: TunnelSet = .all
  /// Packets with a smaller IPv4 time to live or IPv6 hop limit are not acceptable: they may not reach the receiver.
  public var minimumTimeToLive: UInt8 = 0
  /// Whether a datagram whose length says more than the frame had on the wire is acceptable, as far as it is there. A
  /// host drops it; but some capture files were cut with tools that forget the length on the wire. Turn off for live
  /// traffic.
  public var acceptDatagramsBeyondFrame = true
  /// How many tunnels inside of each other are taken off, 0 to 255. VLAN tags, MPLS and PPPoE do not count.
  public var maximumTunnelDepth = 4
  /// How many datagrams may be waiting for fragments at a time; at least 1.
  public var maximumFragmentedDatagrams = 4096
  /// How many bytes of fragments may be kept; at least 128 KiB are taken.
  public var maximumFragmentBytes = 16 << 20

  /// The defaults: everything verified, put together and taken off.
  public init() {}
}
