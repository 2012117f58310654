/// What comes before the IPv6 packet in a Teredo datagram (RFC 4380 5.1.1): an authentication header, an origin
/// indication, both in this order, or nothing.
@frozen
public struct TeredoHeader: BitwiseCopyable {
  /// The UDP port of Teredo servers.
  @inlinable public static var port: UInt16 { 3544 }
  /// The datagram's first payload byte.
  public let pointer: UnsafeRawPointer
  /// Bytes before the IPv6 packet.
  public let headerLength: UInt32
  /// Whether an authentication header is present.
  public let hasAuthentication: Bool
  /// Whether an origin indication is present.
  public let hasOrigin: Bool

  /// Reads the headers at `pointer`; `nil` when they are not followed, within `length` bytes, by the first byte of an
  /// IPv6 packet.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    var size: UInt32 = 0
    var authentication = false
    var origin = false
    if length >= 4, pointer.loadBE16(at: 0) == 1 {
      // Identifier and authentication value, whose lengths stand before them, a nonce and a confirmation byte.
      size = 4 &+ UInt32(pointer.load8(at: 2)) &+ UInt32(pointer.load8(at: 3)) &+ 9
      guard size <= length else { return nil }
      authentication = true
    }
    if length &- size >= 8, pointer.loadBE16(at: Int(size)) == 0 {
      size &+= 8
      origin = true
    }
    guard length > size, pointer.load8(at: Int(size)) >> 4 == 6 else { return nil }
    self.pointer = pointer
    headerLength = size
    hasAuthentication = authentication
    hasOrigin = origin
  }
}
