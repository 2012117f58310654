/// One entry of an MPLS label stack (RFC 3032 2.1), 4 bytes.
@frozen
public struct MPLSLabel: BitwiseCopyable {
  /// Bytes of the entry.
  @inlinable public static var length: UInt32 { 4 }
  /// The entry's first byte.
  public let pointer: UnsafeRawPointer

  /// A view of the entry at `pointer`; `nil` when `length` is below 4.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= Self.length else { return nil }
    self.pointer = pointer
  }

  /// The label, 20 bits.
  @inlinable public var label: UInt32 { pointer.loadBE24(at: 0) >> 4 }
  /// Traffic class, 3 bits (RFC 5462).
  @inlinable public var trafficClass: UInt8 { pointer.load8(at: 2) >> 1 & 7 }
  /// Whether this is the last entry.
  @inlinable public var isBottomOfStack: Bool { pointer.load8(at: 2) & 1 != 0 }
  /// Time to live.
  @inlinable public var timeToLive: UInt8 { pointer.load8(at: 3) }
}
