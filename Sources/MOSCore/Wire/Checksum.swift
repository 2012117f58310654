/// The Internet checksum (RFC 1071).
///
/// Sums are kept in 64 bits in the order in which the bytes lie in memory, which the one's complement sum does not mind
/// (RFC 1071 2 B), and are folded to 16 bits at the end. The caller has checked that the bytes are there.
@frozen
public struct Checksum: BitwiseCopyable {
  /// The sum so far, not folded.
  public var sum: UInt64

  /// A sum that starts at `sum`.
  @inlinable public init(sum: UInt64 = 0) { self.sum = sum }

  /// One's complement addition: the carry comes back in at the other end.
  @inlinable @inline(__always)
  static func add(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let (total, carry) = left.addingReportingOverflow(right)
    return total &+ (carry ? 1 : 0)
  }

  /// Adds `count` bytes. Only the last of several pieces may have an odd length.
  @inlinable @inline(__always)
  public mutating func add(_ bytes: UnsafeRawPointer, count: Int) {
    var pointer = bytes
    var left = count
    var first = sum
    if left >= 32 {
      var second: UInt64 = 0
      repeat {
        first = Self.add(first, pointer.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        second = Self.add(second, pointer.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        first = Self.add(first, pointer.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
        second = Self.add(second, pointer.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
        pointer += 32
        left &-= 32
      } while left >= 32
      first = Self.add(first, second)
    }
    while left >= 8 {
      first = Self.add(first, pointer.loadUnaligned(as: UInt64.self))
      pointer += 8
      left &-= 8
    }
    if left >= 4 {
      first = Self.add(first, UInt64(pointer.loadUnaligned(as: UInt32.self)))
      pointer += 4
      left &-= 4
    }
    if left >= 2 {
      first = Self.add(first, UInt64(pointer.loadUnaligned(as: UInt16.self)))
      pointer += 2
      left &-= 2
    }
    if left > 0 { first = Self.add(first, UInt64(UInt16(littleEndian: UInt16(pointer.load8(at: 0))))) }
    sum = first
  }

  /// Adds a 16-bit word in host order.
  @inlinable @inline(__always)
  public mutating func add(word: UInt16) { sum = Self.add(sum, UInt64(word.bigEndian)) }

  /// Adds the pseudo-header's protocol and length (RFC 9293 3.1, RFC 8200 8.1); `length` counts header and payload.
  @inlinable @inline(__always)
  public mutating func addPseudoHeader(protocolNumber: UInt8, length: UInt32) {
    sum = Self.add(sum, UInt64(length.bigEndian))
    add(word: UInt16(protocolNumber))
  }

  /// A sum that begins with the IPv4 pseudo-header of the datagram whose IP header is at `header`.
  @inlinable @inline(__always)
  public init(ipv4Header header: UnsafeRawPointer, protocolNumber: UInt8, length: UInt32) {
    sum = header.loadUnaligned(fromByteOffset: 12, as: UInt64.self)
    addPseudoHeader(protocolNumber: protocolNumber, length: length)
  }

  /// A sum that begins with the IPv6 pseudo-header; `source` and `destination` point to 16 bytes each.
  @inlinable @inline(__always)
  public init(
    ipv6Source source: UnsafeRawPointer, destination: UnsafeRawPointer, protocolNumber: UInt8, length: UInt32
  ) {
    sum = 0
    add(source, count: 16)
    add(destination, count: 16)
    addPseudoHeader(protocolNumber: protocolNumber, length: length)
  }

  /// The one's complement sum in 16 bits, in the order in which it lies in memory.
  @inlinable @inline(__always)
  var folded: UInt16 {
    var bits = (sum & 0xffff_ffff) &+ (sum >> 32)
    bits = (bits & 0xffff) &+ (bits >> 16)
    bits = (bits & 0xffff) &+ (bits >> 16)
    bits = (bits & 0xffff) &+ (bits >> 16)
    return UInt16(truncatingIfNeeded: bits)
  }

  /// What goes into the checksum field, in host order. For UDP a 0 is sent as 0xffff (RFC 768).
  @inlinable public var value: UInt16 { ~UInt16(bigEndian: folded) }

  /// Whether a sum over everything, the checksum field included, is right.
  @inlinable @inline(__always)
  public var isValid: Bool { folded == 0xffff }

  /// The checksum of `count` bytes, in host order.
  @inlinable public static func of(_ bytes: UnsafeRawPointer, count: Int) -> UInt16 {
    var checksum = Checksum()
    checksum.add(bytes, count: count)
    return checksum.value
  }

  /// Whether `count` bytes that contain their checksum (an IPv4 header, an ICMP message) have the right one.
  @inlinable public static func verify(_ bytes: UnsafeRawPointer, count: Int) -> Bool {
    var checksum = Checksum()
    checksum.add(bytes, count: count)
    return checksum.isValid
  }

  /// The checksum after a 16-bit word that it covers changed from `old` to `new` (RFC 1624 3, equation 3). Host order.
  @inlinable public static func updated(_ checksum: UInt16, from old: UInt16, to new: UInt16) -> UInt16 {
    var sum = UInt32(~checksum) &+ UInt32(~old) &+ UInt32(new)
    sum = (sum & 0xffff) &+ (sum >> 16)
    sum = (sum & 0xffff) &+ (sum >> 16)
    return ~UInt16(truncatingIfNeeded: sum)
  }

  /// The checksum after a 32-bit word that it covers, at an even offset, changed from `old` to `new`. Host order.
  @inlinable public static func updated(_ checksum: UInt16, from old: UInt32, to new: UInt32) -> UInt16 {
    let high = updated(
      checksum, from: UInt16(truncatingIfNeeded: old >> 16), to: UInt16(truncatingIfNeeded: new >> 16))
    return updated(high, from: UInt16(truncatingIfNeeded: old), to: UInt16(truncatingIfNeeded: new))
  }
}
