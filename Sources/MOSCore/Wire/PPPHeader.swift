/// A PPP header: optional address and control bytes (RFC 1662), then a protocol field of one or two bytes (RFC 1661 2).
@frozen
public struct PPPHeader: BitwiseCopyable {
  /// The header's first byte.
  public let pointer: UnsafeRawPointer
  /// Bytes of the header, 1 to 4.
  public let headerLength: UInt32
  /// The protocol, a compressed one expanded to 16 bits.
  public let protocolNumber: UInt16

  /// IPv4.
  @inlinable public static var ipv4: UInt16 { 0x0021 }
  /// IPv6.
  @inlinable public static var ipv6: UInt16 { 0x0057 }
  /// MPLS unicast.
  @inlinable public static var mpls: UInt16 { 0x0281 }

  /// Reads the header at `pointer`; `nil` when its protocol field does not end within `length` bytes.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length > 0 else { return nil }
    var offset: UInt32 = 0
    if pointer.load8(at: 0) == 0xff {
      // The address is "all stations", and no protocol begins with it.
      guard length > 2, pointer.load8(at: 1) == 0x03 else { return nil }
      offset = 2
    }
    let first = pointer.load8(at: Int(offset))
    if first & 1 != 0 {
      // The last octet of a protocol number is odd and the ones before it are even, so an odd first one is alone.
      protocolNumber = UInt16(first)
      headerLength = offset &+ 1
    } else {
      guard length >= offset &+ 2 else { return nil }
      protocolNumber = pointer.loadBE16(at: Int(offset))
      headerLength = offset &+ 2
    }
    self.pointer = pointer
  }
}
