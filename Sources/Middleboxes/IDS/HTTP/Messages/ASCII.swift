/// Bytes as the text of protocols has them.
enum ASCII {
  static let space: UInt8 = 0x20
  static let lineFeed: UInt8 = 0x0a
  static let carriageReturn: UInt8 = 0x0d

  /// A space or a tab.
  @inline(__always) static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == 0x09 }

  @inline(__always) static func isBlankOrLineEnd(_ byte: UInt8) -> Bool {
    isBlank(byte) || byte == lineFeed || byte == carriageReturn
  }

  /// A character of a token, such as a method (RFC 9110 5.6.2).
  static func isToken(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    // ! # $ % & ' * + - . ^ _ ` | ~
    case 0x21, 0x23...0x27, 0x2a, 0x2b, 0x2d, 0x2e, 0x5e...0x60, 0x7c, 0x7e: true
    default: false
    }
  }

  @inline(__always) static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

  /// The value of a hexadecimal digit.
  static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }

  /// Whether the first `count` bytes are those of the text, of which there are as many at least.
  static func begins(_ bytes: UnsafeRawBufferPointer, _ text: StaticString, count: Int) -> Bool {
    guard bytes.count >= count else { return false }
    for index in 0..<count where bytes[index] != text.utf8Start[index] { return false }
    return true
  }

  /// Whether the bytes are those of the text, which is in lower case, in either case.
  static func equals(_ bytes: UnsafeRawBufferPointer, lowercase text: StaticString) -> Bool {
    guard bytes.count == text.utf8CodeUnitCount else { return false }
    for index in 0..<bytes.count where lowercased(bytes[index]) != text.utf8Start[index] { return false }
    return true
  }

  /// The part of `range` that has no blanks, nor ends of lines, at its ends.
  static func trimmed(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Range<Int> {
    var start = range.lowerBound
    var end = range.upperBound
    while start < end, isBlankOrLineEnd(bytes[start]) { start += 1 }
    while end > start, isBlankOrLineEnd(bytes[end - 1]) { end -= 1 }
    return start..<end
  }
}
