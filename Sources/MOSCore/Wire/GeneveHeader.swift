/// A Geneve header (RFC 8926 3.4), 8 bytes and up to 252 bytes of options.
@frozen
public struct GeneveHeader: BitwiseCopyable {
  /// Bytes of a header without options.
  @inlinable public static var minimumLength: UInt32 { 8 }
  /// The UDP port that IANA assigned.
  @inlinable public static var port: UInt16 { 6081 }
  /// The header's first byte.
  public let pointer: UnsafeRawPointer

  /// A view of the header at `pointer`; `nil` when it does not end within `length` bytes or its version is not 0.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= Self.minimumLength else { return nil }
    let first = pointer.load8(at: 0)
    guard first >> 6 == 0, length >= 8 &+ UInt32(first & 0x3f) &* 4 else { return nil }
    self.pointer = pointer
  }

  /// Bytes of the header with its options.
  @inlinable public var headerLength: UInt32 { 8 &+ UInt32(pointer.load8(at: 0) & 0x3f) &* 4 }
  /// Whether it is a control packet, which carries no tenant's frame.
  @inlinable public var isControl: Bool { pointer.load8(at: 1) & 0x80 != 0 }
  /// EtherType of what follows.
  @inlinable public var protocolType: UInt16 { pointer.loadBE16(at: 2) }
  /// Virtual network identifier, 24 bits.
  @inlinable public var networkIdentifier: UInt32 { pointer.loadBE24(at: 4) }
}
