/// The header of an IEEE 802.11 data frame, 24 to 36 bytes.
@frozen
public struct IEEE80211Header: BitwiseCopyable {
  /// The header's first byte.
  public let pointer: UnsafeRawPointer
  /// Bytes of the header: with a fourth address, QoS control and HT control where the frame has them.
  public let headerLength: UInt32

  /// Reads the header at `pointer`; `nil` when it does not end within `length` bytes.
  ///
  /// Frames that are not data (management, control) give a view too, with `isData` false.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= 2 else { return nil }
    let control = pointer.load8(at: 0)
    let flags = pointer.load8(at: 1)
    var size: UInt32 = 2
    if control & 0x0c == 0x08 {
      size = 24
      if flags & 0x03 == 0x03 { size &+= 6 }
      if control & 0x80 != 0 { size &+= flags & 0x80 != 0 ? 6 : 2 }
    }
    guard length >= size else { return nil }
    self.pointer = pointer
    headerLength = size
  }

  /// Whether it is a data frame that has a body, not a null function.
  @inlinable public var isData: Bool { pointer.load8(at: 0) & 0x4c == 0x08 }
  /// Whether the body is encrypted.
  @inlinable public var isProtected: Bool { pointer.load8(at: 1) & 0x40 != 0 }
  /// Whether this is not the whole of a frame: more fragments follow, or it is not the first.
  @inlinable public var isFragment: Bool {
    pointer.load8(at: 1) & 0x04 != 0 || headerLength >= 24 && pointer.load8(at: 22) & 0x0f != 0
  }
  /// Whether the body is an aggregate of frames (A-MSDU).
  @inlinable public var isAggregate: Bool {
    let control = pointer.load8(at: 0)
    guard control & 0x8c == 0x88 else { return false }
    return pointer.load8(at: pointer.load8(at: 1) & 0x03 == 0x03 ? 30 : 24) & 0x80 != 0
  }
}
