/// What the decoder made of a frame: the counter it ends in, unless a flow takes it.
@frozen
public enum PacketKind: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// A TCP segment with a whole header; `DecodedPacket.isAcceptable` says whether an endpoint would look at it.
  case tcp = 0
  /// A UDP datagram.
  case udp
  /// An ICMP message (IPv4).
  case icmp
  /// An ICMPv6 message.
  case icmpv6
  /// Another IP protocol.
  case otherIP
  /// ARP.
  case arp
  /// Neither IP nor ARP (LLC, LLDP, EAPOL, 802.11 management ...).
  case notIP
  /// A fragment that was kept; its datagram appears with the fragment that completes it.
  case fragment
  /// Too broken to say what it is; the first anomaly says why.
  case malformed
}

/// One packet after decoding: where its innermost headers and its payload lie, and what they say.
///
/// Trivial, and a view: the pointers borrow from the frame (or, for a reassembled datagram, from the reassembler) and
/// are valid for the burst that the packet came in.
@frozen
public struct DecodedPacket: BitwiseCopyable {
  /// The packet's number in the trace, 1-based as Wireshark counts.
  public var number: UInt64 = 0
  /// When it was captured.
  public var timestamp = Timestamp(nanoseconds: 0)
  /// Packet time when it is processed: the latest time stamp of the trace so far, which timers run on.
  public var clock = Timestamp(nanoseconds: 0)
  /// The frame's first byte.
  public var frame: UnsafeRawPointer
  /// Bytes of the frame that are there.
  public var capturedLength: UInt32 = 0
  /// Bytes that the frame had on the wire.
  public var wireLength: UInt32 = 0
  /// The innermost IP header.
  public var network: UnsafeRawPointer
  /// The transport header (after IPv6 extension headers).
  public var transport: UnsafeRawPointer
  /// The transport payload's first byte.
  public var payload: UnsafeRawPointer
  /// Payload bytes that are there.
  public var payloadLength: UInt32 = 0
  /// Payload bytes that the headers claim; more than `payloadLength` in a truncated capture.
  public var payloadWireLength: UInt32 = 0
  /// Innermost IP datagram length in bytes, header included, as the header says (for a reassembled one: of the whole).
  public var ipLength: UInt32 = 0
  /// Of a datagram that was put together (`isReassembled`): the most bytes that one of its fragments had, IP header included.
  public var fragmentLength: UInt32 = 0
  /// Addresses, ports, VLANs and protocol, source first as in the packet.
  public var key: FlowKey
  /// The symmetric keyed hash of `key`, set by the flow table's first pass.
  public var hash: UInt64 = 0
  /// What is wrong with the packet by itself.
  public var anomalies = AnomalySet(rawValue: 0)
  /// Bytes 4 to 11 of the TCP header as a number: sequence number, acknowledgment number.
  @usableFromInline var numbers: UInt64 = 0
  /// Bytes 12 to 19 of the TCP header as a number: data offset (of what is there) and control bits, window, checksum, urgent
  /// pointer.
  @usableFromInline var control: UInt64 = 0
  /// Innermost IPv4 time to live or IPv6 hop limit.
  public var timeToLive: UInt8 = 0
  /// 4 or 6; 0 for no IP.
  public var ipVersion: UInt8 = 0
  /// What it is.
  public var kind: PacketKind = .malformed
  /// The ICMP type, for `.icmp` and `.icmpv6`.
  public var icmpType: UInt8 = 0
  /// The ICMP code.
  public var icmpCode: UInt8 = 0
  /// Whether a receiving host would hand the transport header on: checksums right (where verified) and lengths sane. Where
  /// it would not, `anomalies` says why.
  public var isAcceptable: Bool = false
  /// Whether a flow that begins with it is to be tracked.
  public var isSelected: Bool = true
  /// Whether it was put together from IP fragments.
  public var isReassembled: Bool = false
  /// Encapsulations that were taken off (0: none).
  public var tunnelDepth: UInt8 = 0
  /// How the frame begins.
  public var linkType: LinkType = .ethernet

  /// An empty description of the frame at `frame`.
  @inlinable public init(frame: UnsafeRawPointer) {
    self.frame = frame
    network = frame
    transport = frame
    payload = frame
    key = FlowKey(
      source: IPAddress(v4: 0), sourcePort: 0, destination: IPAddress(v4: 0), destinationPort: 0, protocolNumber: 0)
  }
}

/// The fields of the TCP header (RFC 9293 3.1); 0 where there is none.
extension DecodedPacket {
  /// TCP sequence number.
  @inlinable public var sequence: UInt32 {
    get { UInt32(truncatingIfNeeded: numbers &>> 32) }
    set { numbers = UInt64(newValue) &<< 32 | numbers & 0xffff_ffff }
  }
  /// TCP acknowledgment number.
  @inlinable public var acknowledgment: UInt32 {
    get { UInt32(truncatingIfNeeded: numbers) }
    set { numbers = numbers & ~0xffff_ffff | UInt64(newValue) }
  }
  /// TCP header length in bytes: 20 to 60, whole words, as far as they are there. A truncated capture may lack some of the
  /// options.
  @inlinable public var tcpHeaderLength: UInt8 {
    get { UInt8(truncatingIfNeeded: control &>> 60) &<< 2 }
    set { control = control & ~(0xf &<< 60) | UInt64(newValue &>> 2) &<< 60 }
  }
  /// TCP control bits.
  @inlinable public var flags: TCPFlags {
    get { TCPFlags(rawValue: UInt16(truncatingIfNeeded: control &>> 48) & 0x1ff) }
    set { control = control & ~(0x1ff &<< 48) | UInt64(newValue.rawValue & 0x1ff) &<< 48 }
  }
  /// TCP window field, not scaled.
  @inlinable public var window: UInt16 {
    get { UInt16(truncatingIfNeeded: control &>> 32) }
    set { control = control & ~(0xffff &<< 32) | UInt64(newValue) &<< 32 }
  }
  /// TCP urgent pointer.
  @inlinable public var urgentPointer: UInt16 {
    get { UInt16(truncatingIfNeeded: control) }
    set { control = control & ~0xffff | UInt64(newValue) }
  }
  /// Whether it is a TCP segment with ACK and a window, without SYN, RST and URG, whose header has `length` bytes.
  @inlinable @inline(__always) public func isAcknowledgment(headerLength length: UInt32) -> Bool {
    let word = UInt32(truncatingIfNeeded: control &>> 32)
    return word & 0xf036_0000 == length &<< 26 | 0x10_0000 && word & 0xffff != 0
  }
}
