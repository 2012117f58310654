/// The header of a BSD loopback capture: a 4-byte address family, in the capturing host's order (LINKTYPE_NULL) or in
/// network order (LINKTYPE_LOOP).
@frozen
public struct LoopbackHeader: BitwiseCopyable {
  /// Bytes of the header.
  @inlinable public static var length: UInt32 { 4 }
  /// The header's first byte.
  public let pointer: UnsafeRawPointer

  /// A view of the header at `pointer`; `nil` when `length` is below 4.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= Self.length else { return nil }
    self.pointer = pointer
  }

  /// The address family; no family is above 0xffff, so a larger number was written in the other order.
  @inlinable public var family: UInt32 {
    let bits = pointer.loadBE32(at: 0)
    return bits > 0xffff ? bits.byteSwapped : bits
  }
  /// Whether IPv4 follows.
  @inlinable public var isIPv4: Bool { family == 2 }
  /// Whether IPv6 follows: Linux and Windows, NetBSD and OpenBSD, FreeBSD and macOS have numbers of their own.
  @inlinable public var isIPv6: Bool { family == 10 || family == 23 || family == 24 || family == 28 || family == 30 }
}
