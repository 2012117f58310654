/// A TCP header (RFC 9293 3.1), 20 to 60 bytes.
@frozen
public struct TCPHeader: BitwiseCopyable {
  /// Bytes of a header without options.
  @inlinable public static var minimumLength: UInt32 { 20 }
  /// The header's first byte.
  public let pointer: UnsafeRawPointer
  /// Bytes that are there from `pointer` on.
  public let available: UInt32

  /// A view of the header at `pointer`; `nil` when `length` is below 20. The data offset is not checked.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= Self.minimumLength else { return nil }
    self.pointer = pointer
    available = length
  }

  /// Source port.
  @inlinable public var sourcePort: UInt16 { pointer.loadBE16(at: 0) }
  /// Destination port.
  @inlinable public var destinationPort: UInt16 { pointer.loadBE16(at: 2) }
  /// Sequence number.
  @inlinable public var sequence: UInt32 { pointer.loadBE32(at: 4) }
  /// Acknowledgment number.
  @inlinable public var acknowledgment: UInt32 { pointer.loadBE32(at: 8) }
  /// Header length in bytes as the data offset says, 0 to 60; below 20 it is invalid.
  @inlinable public var headerLength: UInt32 { UInt32(pointer.load8(at: 12) >> 4) << 2 }
  /// The nine control bits.
  @inlinable public var flags: TCPFlags { TCPFlags(rawValue: pointer.loadBE16(at: 12) & 0x1ff) }
  /// Window, not scaled.
  @inlinable public var window: UInt16 { pointer.loadBE16(at: 14) }
  /// Checksum.
  @inlinable public var checksum: UInt16 { pointer.loadBE16(at: 16) }
  /// Urgent pointer.
  @inlinable public var urgentPointer: UInt16 { pointer.loadBE16(at: 18) }
  /// The first byte of the options.
  @inlinable public var optionsPointer: UnsafeRawPointer { pointer + 20 }
  /// Bytes of the options that are there, 0 to 40; 0 when the data offset is invalid.
  @inlinable public var optionsLength: UInt32 {
    let end = min(headerLength, available)
    return end > 20 ? end &- 20 : 0
  }
}
