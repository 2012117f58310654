/// Numbers that are taken out of a buffer.
extension BufferMatcher {
  enum Extraction {
    /// And where it ends.
    case number(UInt64, end: Int)
    /// It is not there.
    case outcome(Outcome)
  }

  func number(_ source: ByteSource, behind place: Int, _ buffer: Buffer) -> Extraction {
    let start = distance(source.offset) + (source.isRelative ? place : 0)
    let count = distance(source.count)
    guard start >= 0, count > 0 else { return .outcome(.fails) }
    let end = start + count
    guard end <= buffer.count else { return .outcome(buffer.beyond) }
    let bytes = UnsafeRawBufferPointer(rebasing: buffer.bytes[start..<end])
    var number: UInt64 = 0
    if let base = source.base {
      guard let read = Self.digits(bytes, base) else { return .outcome(.fails) }
      number = read
    } else {
      guard count <= 8 else { return .outcome(.fails) }
      for index in bytes.indices {
        number = number << 8 | UInt64(bytes[source.byteOrder == .big ? index : count - 1 - index])
      }
    }
    if source.bitmask != 0 {
      number = (number & UInt64(source.bitmask)) >> UInt64(source.bitmask.trailingZeroBitCount)
    }
    return .number(number, end: end)
  }

  /// As C's `strtoul` reads it: blanks, a sign, perhaps `0x`, digits, and then whatever it is; nil without a digit.
  private static func digits(_ bytes: UnsafeRawBufferPointer, _ base: ByteSource.Base) -> UInt64? {
    var rest = bytes[...]
    rest = rest.drop { $0 == 0x20 || $0 >= 0x09 && $0 <= 0x0d }
    if rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
    let radix: UInt64
    switch base {
    case .decimal: radix = 10
    case .octal: radix = 8
    case .hexadecimal:
      radix = 16
      if rest.count > 2, rest.first == UInt8(ascii: "0"), rest[rest.startIndex + 1] | 0x20 == UInt8(ascii: "x") {
        rest = rest.dropFirst(2)
      }
    }
    var number: UInt64?
    for byte in rest {
      let digit: UInt64
      switch byte {
      case 0x30...0x39: digit = UInt64(byte - 0x30)
      case 0x41...0x46, 0x61...0x66: digit = UInt64((byte | 0x20) - 0x57)
      default: return number
      }
      if digit >= radix { return number }
      let (product, overflow) = (number ?? 0).multipliedReportingOverflow(by: radix)
      if overflow { return .max }
      number = product &+ digit
    }
    return number
  }
}

extension ByteMath {
  /// The result, nil where there is none.
  func result(of left: UInt64, and right: UInt64) -> UInt64? {
    switch operation {
    case .add: left &+ right
    case .subtract: left &- right
    case .multiply: left &* right
    case .divide: right == 0 ? nil : left / right
    case .shiftLeft: left << right
    case .shiftRight: left >> right
    }
  }
}
