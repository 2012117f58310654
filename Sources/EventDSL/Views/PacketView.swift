import DualStackTracker
import MOSCore

/// A packet as it lies in its buffer. Valid while the handler runs.
public struct PacketView: ~Copyable {
  /// The decoded packet: where its headers lie, and what they say.
  public let decoded: UnsafePointer<DecodedPacket>

  @inlinable init(_ packet: UnsafePointer<DecodedPacket>) { decoded = packet }

  /// Its number in the trace, from 1.
  @inlinable public var number: UInt64 { decoded.pointee.number }
  /// When it was captured or received, in nanoseconds.
  @inlinable public var time: Timestamp { decoded.pointee.timestamp }
  /// What it is.
  @inlinable public var kind: PacketKind { decoded.pointee.kind }
  /// Whether a host would look at it: its checksums are right, where they are verified, and its lengths make sense.
  @inlinable public var isAcceptable: Bool { decoded.pointee.isAcceptable }
  /// Addresses, ports, VLANs and protocol, source first as in the packet.
  @inlinable public var key: FlowKey { decoded.pointee.key }
  /// Where the Ethernet frame comes from; nil for another link type.
  @inlinable public var macSource: MACAddress? { ethernet.map { MACAddress(rawValue: $0.source) } }
  /// Where the Ethernet frame goes; nil for another link type.
  @inlinable public var macDestination: MACAddress? { ethernet.map { MACAddress(rawValue: $0.destination) } }
  @inlinable var ethernet: EthernetHeader? {
    decoded.pointee.linkType == .ethernet
      ? EthernetHeader(decoded.pointee.frame, length: decoded.pointee.capturedLength) : nil
  }
  /// The identifier of an ICMP query or its reply; nil for others.
  @inlinable public var icmpIdentifier: UInt16? { decoded.pointee.icmpIdentifier }
  /// Whether it is an ICMP or ICMPv6 error.
  @inlinable public var isICMPError: Bool { decoded.pointee.isICMPError }
  /// The ends of the packet that an ICMP error over IPv4 quotes: its addresses and its ports, for an ICMP query its
  /// identifier in their place; nil for others, and where the quotation does not reach to them.
  @inlinable public var quotedEnds: FlowKey? { decoded.pointee.quotedEnds }
  /// TCP control bits; none for other protocols.
  @inlinable public var flags: TCPFlags { decoded.pointee.flags }
  /// TCP sequence number.
  @inlinable public var sequence: UInt32 { decoded.pointee.sequence }
  /// TCP acknowledgment number.
  @inlinable public var acknowledgment: UInt32 { decoded.pointee.acknowledgment }
  /// TCP window field, not scaled.
  @inlinable public var window: UInt16 { decoded.pointee.window }
  /// Bytes of the frame that are there.
  @inlinable public var length: Int { Int(decoded.pointee.capturedLength) }
  /// Bytes of the innermost IP datagram, as its header says.
  @inlinable public var ipLength: Int { Int(decoded.pointee.ipLength) }
  /// Bytes of transport payload that are there.
  @inlinable public var payloadLength: Int { Int(decoded.pointee.payloadLength) }

  /// Gives the frame's bytes to `body`, where they lie.
  @inlinable public func withFrame<Result>(_ body: (RawSpan) -> Result) -> Result {
    body(RawSpan(_unsafeStart: decoded.pointee.frame, byteCount: length))
  }

  /// Gives the transport payload's bytes to `body`, where they lie.
  @inlinable public func withPayload<Result>(_ body: (RawSpan) -> Result) -> Result {
    body(RawSpan(_unsafeStart: decoded.pointee.payload, byteCount: payloadLength))
  }
}
