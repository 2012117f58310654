/// A radiotap header (https://www.radiotap.org): 8 bytes, more words that say which fields are present, and the fields.
@frozen
public struct RadiotapHeader: BitwiseCopyable {
  /// The header's first byte.
  public let pointer: UnsafeRawPointer
  /// Bytes of the header.
  public let headerLength: UInt32
  /// The flags field; 0 where it is absent.
  public let flags: UInt8

  /// Reads the header at `pointer`; `nil` when it does not end within `length` bytes, or has an unknown version.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= 8, pointer.load8(at: 0) == 0 else { return nil }
    let size = UInt32(pointer.loadLE16(at: 2))
    guard size >= 8, size <= length else { return nil }
    let present = pointer.loadLE32(at: 4)
    var offset: UInt32 = 8
    var word = present
    while word & 0x8000_0000 != 0, offset &+ 4 <= size {
      word = pointer.loadLE32(at: Int(offset))
      offset &+= 4
    }
    // The time stamp is the one field before the flags; it is aligned to 8 bytes.
    if present & 1 != 0 { offset = ((offset &+ 7) & ~7) &+ 8 }
    flags = present & 2 != 0 && offset < size ? pointer.load8(at: Int(offset)) : 0
    self.pointer = pointer
    headerLength = size
  }

  /// Whether the frame ends with its 4-byte check sequence.
  @inlinable public var hasFrameCheckSequence: Bool { flags & 0x10 != 0 }
  /// Whether the 802.11 header is padded to a multiple of 4 bytes.
  @inlinable public var hasPadding: Bool { flags & 0x20 != 0 }
}
