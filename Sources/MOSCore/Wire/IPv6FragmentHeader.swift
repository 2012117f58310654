/// An IPv6 fragment header (RFC 8200 4.5), 8 bytes.
@frozen
public struct IPv6FragmentHeader: BitwiseCopyable {
  /// Bytes of the header.
  @inlinable public static var length: UInt32 { 8 }
  /// The header's first byte.
  public let pointer: UnsafeRawPointer

  /// A view of the header at `pointer`; `nil` when `length` is below 8.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= Self.length else { return nil }
    self.pointer = pointer
  }

  /// Protocol of the fragmentable part's first header.
  @inlinable public var nextHeader: UInt8 { pointer.load8(at: 0) }
  /// Where this fragment starts in the fragmentable part, in bytes.
  @inlinable public var offset: UInt32 { UInt32(pointer.loadBE16(at: 2) & 0xfff8) }
  /// Whether more fragments follow.
  @inlinable public var moreFragments: Bool { pointer.load8(at: 3) & 1 != 0 }
  /// Identification.
  @inlinable public var identification: UInt32 { pointer.loadBE32(at: 4) }
  /// Whether the datagram is whole in spite of the header (RFC 6946).
  @inlinable public var isAtomic: Bool { pointer.loadBE16(at: 2) & 0xfff9 == 0 }
}
