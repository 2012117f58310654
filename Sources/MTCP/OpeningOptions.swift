/// The options of a SYN, with or without ACK, where they lie as the widespread stacks put them: maximum segment size,
/// window scale and SACK-permitted (Windows), or maximum segment size, SACK-permitted, timestamps and window scale
/// (Linux). All other layouts are for `TCPOptions`.
@frozen
public struct OpeningOptions: BitwiseCopyable, Sendable {
  /// Window scale shift (RFC 7323 2), 0 to 14.
  public let windowScale: UInt8
  /// Maximum segment size in bytes (RFC 9293 3.7.1).
  public let maximumSegmentSize: UInt16
  /// The timestamps option is there (RFC 7323 3).
  public let hasTimestamp: Bool
  /// TSval (RFC 7323 3.2); 0 without the option.
  public let timestampValue: UInt32

  /// Reads the `length` bytes of options at `bytes`; nil, with nothing read beyond them, when they lie in another way.
  @inlinable @inline(__always) public init?(_ bytes: UnsafeRawPointer, length: Int) {
    func word(_ offset: Int) -> UInt32 {
      UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
    guard length == 12 || length == 20, word(0) & 0xffff == 0x0402 else { return nil }
    let scale = word(length == 12 ? 4 : 16)
    guard scale & 0xff_ffff == 0x03_0301, scale < 0x0f00_0000,
      length == 12 ? word(8) == 0x0204_0101 : word(4) == 0x0a08_0204
    else { return nil }
    windowScale = UInt8(truncatingIfNeeded: scale &>> 24)
    maximumSegmentSize = UInt16(truncatingIfNeeded: word(0) &>> 16).byteSwapped
    hasTimestamp = length == 20
    timestampValue = length == 20 ? word(8).byteSwapped : 0
  }
}
