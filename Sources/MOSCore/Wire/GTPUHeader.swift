/// A GTP-U version 1 header (3GPP TS 29.281 5.1), 8 bytes, with optional fields and extension headers.
@frozen
public struct GTPUHeader: BitwiseCopyable {
  /// Bytes of a header without optional fields.
  @inlinable public static var minimumLength: UInt32 { 8 }
  /// The UDP port that IANA assigned.
  @inlinable public static var port: UInt16 { 2152 }
  /// The type of a message that carries a user's packet.
  @inlinable public static var gPDU: UInt8 { 255 }
  /// The header's first byte.
  public let pointer: UnsafeRawPointer
  /// Bytes of the header with optional fields and extension headers.
  public let headerLength: UInt32

  /// Reads the header at `pointer`; `nil` when it does not end within `length` bytes, or is not version 1 of GTP.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= Self.minimumLength else { return nil }
    let flags = pointer.load8(at: 0)
    guard flags & 0xf0 == 0x30 else { return nil }
    var size: UInt32 = 8
    if flags & 0x07 != 0 {
      guard length >= 12 else { return nil }
      size = 12
      if flags & 0x04 != 0 {
        // Each extension header is a length in 4-byte words, contents, and the type of the next one.
        var next = pointer.load8(at: 11)
        while next != 0 {
          guard length > size else { return nil }
          let extent = UInt32(pointer.load8(at: Int(size))) &* 4
          guard extent != 0, length &- size >= extent else { return nil }
          size &+= extent
          next = pointer.load8(at: Int(size) &- 1)
        }
      }
    }
    self.pointer = pointer
    headerLength = size
  }

  /// Message type; only a `gPDU` carries a packet.
  @inlinable public var messageType: UInt8 { pointer.load8(at: 1) }
  /// Bytes after the first 8, as the header says.
  @inlinable public var messageLength: UInt32 { UInt32(pointer.loadBE16(at: 2)) }
  /// Tunnel endpoint identifier.
  @inlinable public var tunnelEndpoint: UInt32 { pointer.loadBE32(at: 4) }
}
