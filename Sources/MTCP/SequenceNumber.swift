/// A TCP sequence number: 32 bits, compared modulo 2^32 (RFC 9293 3.4).
@frozen
public struct SequenceNumber: BitwiseCopyable, Hashable, Sendable {
  /// The number as it stands in the header.
  public var rawValue: UInt32
  /// A sequence number from its 32 bits.
  @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }

  /// The number `count` further on; wraps.
  @inlinable public static func + (left: SequenceNumber, count: UInt32) -> SequenceNumber {
    SequenceNumber(left.rawValue &+ count)
  }
  /// The number `count` before; wraps.
  @inlinable public static func - (left: SequenceNumber, count: UInt32) -> SequenceNumber {
    SequenceNumber(left.rawValue &- count)
  }
  /// The signed distance from `other` to this number, -2^31 to 2^31 - 1.
  @inlinable public func distance(from other: SequenceNumber) -> Int32 {
    Int32(bitPattern: rawValue &- other.rawValue)
  }
  /// Whether `left` comes before `right`. Not an order over all numbers: it holds within half of the space.
  @inlinable public static func < (left: SequenceNumber, right: SequenceNumber) -> Bool {
    left.distance(from: right) < 0
  }
  /// Whether `left` is `right` or comes before it.
  @inlinable public static func <= (left: SequenceNumber, right: SequenceNumber) -> Bool {
    left.distance(from: right) <= 0
  }
  /// Whether `left` comes after `right`.
  @inlinable public static func > (left: SequenceNumber, right: SequenceNumber) -> Bool {
    left.distance(from: right) > 0
  }
  /// Whether `left` is `right` or comes after it.
  @inlinable public static func >= (left: SequenceNumber, right: SequenceNumber) -> Bool {
    left.distance(from: right) >= 0
  }
}

extension SequenceNumber {
  /// The one of two numbers that comes after the other, within half of the space.
  @inlinable public static func later(_ left: SequenceNumber, _ right: SequenceNumber) -> SequenceNumber {
    left > right ? left : right
  }

  /// The one of two numbers that comes before the other, within half of the space.
  @inlinable public static func earlier(_ left: SequenceNumber, _ right: SequenceNumber) -> SequenceNumber {
    left < right ? left : right
  }
}
