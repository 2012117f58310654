// Unsafe: reads and writes headers where they lie. Invariant: whoever calls has made sure of `hasRewritableEnds`.

/// Source and destination of a TCP or UDP packet over IPv4, as they lie in it.
@frozen
public struct IPv4Ends: BitwiseCopyable, Equatable, Sendable {
  /// Both addresses, and both ports, in the order of the packet's bytes.
  @usableFromInline var addresses: UInt64
  @usableFromInline var ports: UInt32

  /// From their numbers.
  @inlinable public init(source: UInt32, sourcePort: UInt16, destination: UInt32, destinationPort: UInt16) {
    addresses = (UInt64(source) << 32 | UInt64(destination)).bigEndian
    ports = (UInt32(sourcePort) << 16 | UInt32(destinationPort)).bigEndian
  }

  /// The source's address.
  @inlinable public var source: UInt32 { UInt32(truncatingIfNeeded: addresses.bigEndian >> 32) }
  /// The destination's address.
  @inlinable public var destination: UInt32 { UInt32(truncatingIfNeeded: addresses.bigEndian) }
  /// The source's port.
  @inlinable public var sourcePort: UInt16 { UInt16(truncatingIfNeeded: ports.bigEndian >> 16) }
  /// The destination's port.
  @inlinable public var destinationPort: UInt16 { UInt16(truncatingIfNeeded: ports.bigEndian) }
  /// The ends of packets in the other direction.
  @inlinable public var reversed: IPv4Ends {
    IPv4Ends(source: destination, sourcePort: destinationPort, destination: source, destinationPort: sourcePort)
  }
}

/// What becomes of all packets with the same ends: other ends, and a time to live that is smaller by one. By how much their
/// checksums move (RFC 1624 3) is the same for all of them, and worked out once.
@frozen
public struct PacketRewrite: BitwiseCopyable, Sendable {
  /// The ends of packets that it is for.
  public let old: IPv4Ends
  /// In the order in which the bytes lie in memory (RFC 1071 2 B), as are the words that are added to.
  @usableFromInline let networkDifference: UInt16
  @usableFromInline let transportDifference: UInt16
  /// The ends that they get.
  public let new: IPv4Ends
  /// By how much the time to live is made smaller: 0 or 1.
  @usableFromInline let hops: UInt8
  /// The least time to live that it is for.
  public let leastTimeToLive: UInt8

  /// A change from `old` to `new`. `isHop`: and of the time to live, as a router makes it.
  public init(from old: IPv4Ends, to new: IPv4Ends, isHop: Bool) {
    self.old = old
    self.new = new
    hops = isHop ? 1 : 0
    leastTimeToLive = isHop ? 2 : 0
    // Words of 32 bits, of which a few cannot overflow 64.
    let addresses =
      (~old.addresses & 0xffff_ffff) &+ (~old.addresses &>> 32) &+ (new.addresses & 0xffff_ffff)
      &+ (new.addresses &>> 32)
    // The time to live is the first byte of its word.
    let hop = isHop ? UInt64(~(0x0100 as UInt16).bigEndian) : 0
    networkDifference = Self.folded(addresses &+ hop)
    transportDifference = Self.folded(addresses &+ UInt64(~old.ports) &+ UInt64(new.ports))
  }

  /// Whether it makes the time to live smaller.
  @inlinable public var isHop: Bool { hops != 0 }

  private static func folded(_ sum: UInt64) -> UInt16 {
    var sum = sum
    while sum > 0xffff { sum = sum & 0xffff &+ sum &>> 16 }
    return UInt16(truncatingIfNeeded: sum)
  }
}

extension UnsafeMutablePointer where Pointee == DecodedPacket {
  /// Makes a change, in the frame's bytes and in what is said of them. `false`, and nothing is done, where its time to live is
  /// at an end. Preconditions: `hasRewritableEnds`, the packet has the change's old ends, and the frame may be written.
  @inlinable @inline(__always) public func apply(_ rewrite: borrowing PacketRewrite) -> Bool {
    if pointee.timeToLive < rewrite.leastTimeToLive { return false }
    let network = UnsafeMutableRawPointer(mutating: pointee.network)
    let transport = UnsafeMutableRawPointer(mutating: pointee.transport)
    let timeToLive = pointee.timeToLive &- rewrite.hops
    network.storeBytes(of: timeToLive, toByteOffset: 8, as: UInt8.self)
    network.storeBytes(of: rewrite.new.addresses, toByteOffset: 12, as: UInt64.self)
    transport.storeBytes(of: rewrite.new.ports, as: UInt32.self)
    Self.add(rewrite.networkDifference, to: network + 10)
    if pointee.kind == .tcp {
      Self.add(rewrite.transportDifference, to: transport + 16)
    } else if (transport + 6).loadUnaligned(as: UInt16.self) != 0 {
      // 0 would mean that there is none (RFC 768).
      Self.add(rewrite.transportDifference, to: transport + 6)
      if (transport + 6).loadUnaligned(as: UInt16.self) == 0 { (transport + 6).storeBytes(of: 0xffff, as: UInt16.self) }
    }
    pointee.timeToLive = timeToLive
    pointee.key.source.low = 0xffff_0000_0000 | UInt64(rewrite.new.source)
    pointee.key.destination.low = 0xffff_0000_0000 | UInt64(rewrite.new.destination)
    pointee.key.rest = pointee.key.rest & 0xffff_ffff | UInt64(rewrite.new.ports.bigEndian) &<< 32
    return true
  }

  /// RFC 1624 3: HC' = ~(~HC + ~m + m').
  @inlinable @inline(__always) static func add(_ difference: UInt16, to field: UnsafeMutableRawPointer) {
    let (sum, carries) = (~field.loadUnaligned(as: UInt16.self)).addingReportingOverflow(difference)
    field.storeBytes(of: ~(sum &+ (carries ? 1 : 0)), as: UInt16.self)
  }
}

/// What becomes of the packets of a flow, in both directions.
@frozen
public struct FlowRewrite: BitwiseCopyable, Sendable {
  /// What becomes of those that go as the first one did.
  public let forward: PacketRewrite
  /// What becomes of those that answer.
  public let backward: PacketRewrite

  /// Packets with the ends `old` get `new`, and those that come with the reverse of `new` get the reverse of `old`. `isHop`: and
  /// a time to live that is smaller by one.
  public init(from old: IPv4Ends, to new: IPv4Ends, isHop: Bool) {
    forward = PacketRewrite(from: old, to: new, isHop: isHop)
    backward = PacketRewrite(from: new.reversed, to: old.reversed, isHop: isHop)
  }

  /// The change for a packet; nil where it has other ends, or is none of IPv4.
  public func rewrite(of packet: DecodedPacket) -> PacketRewrite? {
    guard packet.ipVersion == 4 else { return nil }
    let ends = IPv4Ends(
      source: UInt32(truncatingIfNeeded: packet.key.source.low), sourcePort: packet.key.sourcePort,
      destination: UInt32(truncatingIfNeeded: packet.key.destination.low), destinationPort: packet.key.destinationPort)
    return ends == forward.old ? forward : ends == backward.old ? backward : nil
  }
}

extension UnsafeMutablePointer where Pointee == DecodedPacket {
  /// Makes the change that is for the packet. Preconditions: `hasRewritableEnds`, and the frame may be written.
  @inlinable @inline(__always) public func apply(_ rewrites: UnsafePointer<FlowRewrite>) -> PacketEditOutcome {
    let addresses = pointee.network.loadUnaligned(fromByteOffset: 12, as: UInt64.self)
    let ports = pointee.transport.loadUnaligned(as: UInt32.self)
    if addresses == rewrites.pointee.forward.old.addresses, ports == rewrites.pointee.forward.old.ports {
      return apply(rewrites.pointee.forward) ? .done : .timeToLiveExceeded
    }
    guard addresses == rewrites.pointee.backward.old.addresses, ports == rewrites.pointee.backward.old.ports else {
      return .otherEnds
    }
    return apply(rewrites.pointee.backward) ? .done : .timeToLiveExceeded
  }
}
