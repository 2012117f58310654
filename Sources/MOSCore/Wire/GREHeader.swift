/// A GRE header: version 0 (RFC 2784, RFC 2890, with RFC 1701's routing) or version 1, PPTP's (RFC 2637 4.1).
@frozen
public struct GREHeader: BitwiseCopyable {
  /// The header's first byte.
  public let pointer: UnsafeRawPointer
  /// Bytes of the header with all optional fields.
  public let headerLength: UInt32

  /// Reads the header at `pointer`; `nil` when it does not end within `length` bytes, has an unknown version, or bits set
  /// that must be zero.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= 4 else { return nil }
    let word = pointer.loadBE16(at: 0)
    let version = word & 7
    guard version <= 1, word & 0x78 == 0, version == 1 || word & 0x80 == 0 else { return nil }
    var size: UInt32 = 4
    if word & 0xc000 != 0 { size &+= 4 }
    if word & 0x2000 != 0 { size &+= 4 }
    if word & 0x1000 != 0 { size &+= 4 }
    if word & 0x0080 != 0 { size &+= 4 }
    guard size <= length else { return nil }
    if word & 0x4000 != 0 {
      // Source route entries, each at least its own 4 bytes, end with one of family and length 0 (RFC 1701).
      while true {
        guard length &- size >= 4 else { return nil }
        let family = pointer.loadBE16(at: Int(size))
        let entry = UInt32(pointer.load8(at: Int(size) &+ 3))
        size &+= 4
        if family == 0, entry == 0 { break }
        guard length &- size >= entry else { return nil }
        size &+= entry
      }
    }
    self.pointer = pointer
    headerLength = size
  }

  /// 0, or 1 for PPTP.
  @inlinable public var version: UInt8 { pointer.load8(at: 1) & 7 }
  /// Whether a checksum is present; it is not verified.
  @inlinable public var hasChecksum: Bool { pointer.load8(at: 0) & 0x80 != 0 }
  /// Whether a key is present.
  @inlinable public var hasKey: Bool { pointer.load8(at: 0) & 0x20 != 0 }
  /// Whether a sequence number is present.
  @inlinable public var hasSequence: Bool { pointer.load8(at: 0) & 0x10 != 0 }
  /// EtherType of what follows.
  @inlinable public var protocolType: UInt16 { pointer.loadBE16(at: 2) }
  /// Bytes of the payload that PPTP announces; only in version 1.
  @inlinable public var pptpPayloadLength: UInt32 { UInt32(pointer.loadBE16(at: 4)) }

  /// Whether `type` is one that Aruba's access points send 802.11 frames under.
  @inlinable public static func isAruba80211(_ type: UInt16) -> Bool {
    type == 0x9000 || (type >= 0x8200 && type <= 0x8370 && type & 0xf == 0)
  }
}
