/// An AYIYA header (draft-massar-v6ops-ayiya-02 3), 8 bytes, an identity and a signature.
@frozen
public struct AYIYAHeader: BitwiseCopyable {
  /// The UDP port that IANA assigned.
  @inlinable public static var port: UInt16 { 5072 }
  /// The operation code of a packet that is to be forwarded.
  @inlinable public static var forward: UInt8 { 1 }
  /// The header's first byte.
  public let pointer: UnsafeRawPointer
  /// Bytes of the header with identity and signature.
  public let headerLength: UInt32

  /// Reads the header at `pointer`; `nil` when it does not end within `length` bytes.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= 8 else { return nil }
    let identity = UInt32(1) &<< UInt32(pointer.load8(at: 0) >> 4)
    let signature = UInt32(pointer.load8(at: 1) >> 4) &* 4
    guard length >= 8 &+ identity &+ signature else { return nil }
    self.pointer = pointer
    headerLength = 8 &+ identity &+ signature
  }

  /// Operation code.
  @inlinable public var operation: UInt8 { pointer.load8(at: 2) & 0xf }
  /// IP protocol number of what follows.
  @inlinable public var nextHeader: UInt8 { pointer.load8(at: 3) }
  /// When it was sent, in seconds since 1970.
  @inlinable public var epochTime: UInt32 { pointer.loadBE32(at: 4) }
}
