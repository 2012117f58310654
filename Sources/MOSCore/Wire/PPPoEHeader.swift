/// A PPPoE header (RFC 2516 4), 6 bytes; in the session stage a PPP protocol field follows.
@frozen
public struct PPPoEHeader: BitwiseCopyable {
  /// Bytes of the header.
  @inlinable public static var length: UInt32 { 6 }
  /// The header's first byte.
  public let pointer: UnsafeRawPointer

  /// A view of the header at `pointer`; `nil` when `length` is below 6.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= Self.length else { return nil }
    self.pointer = pointer
  }

  /// Version and type, both 1 in every frame of this protocol.
  @inlinable public var versionAndType: UInt8 { pointer.load8(at: 0) }
  /// Code, 0 for session data.
  @inlinable public var code: UInt8 { pointer.load8(at: 1) }
  /// Session identifier.
  @inlinable public var session: UInt16 { pointer.loadBE16(at: 2) }
  /// Bytes that follow the header.
  @inlinable public var payloadLength: UInt16 { pointer.loadBE16(at: 4) }
}
