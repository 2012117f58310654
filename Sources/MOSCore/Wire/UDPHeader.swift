/// A UDP header (RFC 768), 8 bytes.
@frozen
public struct UDPHeader: BitwiseCopyable {
  /// Bytes of the header.
  @inlinable public static var length: UInt32 { 8 }
  /// The header's first byte.
  public let pointer: UnsafeRawPointer

  /// A view of the header at `pointer`; `nil` when `length` is below 8.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= Self.length else { return nil }
    self.pointer = pointer
  }

  /// Source port.
  @inlinable public var sourcePort: UInt16 { pointer.loadBE16(at: 0) }
  /// Destination port.
  @inlinable public var destinationPort: UInt16 { pointer.loadBE16(at: 2) }
  /// Bytes of header and payload as the header says; 0 in a jumbogram.
  @inlinable public var datagramLength: UInt32 { UInt32(pointer.loadBE16(at: 4)) }
  /// Checksum; 0 on IPv4 when the sender calculated none.
  @inlinable public var checksum: UInt16 { pointer.loadBE16(at: 6) }
}
