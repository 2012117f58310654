/// The line before a chunk, byte by byte: a length in hexadecimal digits, then extensions that are left out (RFC 9112 7.1).
struct HTTPChunkLine: BitwiseCopyable {
  enum Result: BitwiseCopyable {
    case more
    case chunk(UInt64)
    case invalid
  }

  private enum Part: UInt8, BitwiseCopyable { case start, digits, extensions }

  private var part = Part.start
  private var length: UInt64 = 0
  private var count = 0

  /// Bytes of a line at most.
  private static let limit = 4096

  /// Takes the next byte. After a result other than `more` the next byte is another line's.
  mutating func take(_ byte: UInt8) -> Result {
    count += 1
    if count > Self.limit { return .invalid }
    if byte == ASCII.lineFeed {
      if part == .start { return .invalid }
      let length = length
      self = HTTPChunkLine()
      return .chunk(length)
    }
    switch part {
    case .start:
      if ASCII.isBlank(byte) { return .more }
      guard let digit = ASCII.hexadecimal(byte) else { return .invalid }
      length = UInt64(digit)
      part = .digits
    case .digits:
      if let digit = ASCII.hexadecimal(byte) {
        // A length beyond all streams stays one.
        length = length >> 60 != 0 ? .max : length << 4 | UInt64(digit)
      } else {
        part = .extensions
        if byte != UInt8(ascii: ";"), !ASCII.isBlankOrLineEnd(byte) { return .invalid }
      }
    case .extensions: break
    }
    return .more
  }
}
