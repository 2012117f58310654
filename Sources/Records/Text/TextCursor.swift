// Unsafe code: a cursor checks nothing. Only `RecordText.write(atMost:_:)` makes one, at the end of the text, after it
// reserved the bytes that its caller says will be written at most; so every writer below states its largest size.

import MOSCore

/// The place of the next byte in a record's text, kept in a register while the record is written.
struct TextCursor: BitwiseCopyable {
  var next: UnsafeMutablePointer<UInt8>

  /// One byte.
  @inline(__always)
  mutating func append(_ byte: UInt8) {
    next.pointee = byte
    next += 1
  }

  /// As many bytes as the literal has; a few instructions where the compiler sees it.
  @inline(__always)
  mutating func append(_ literal: StaticString) {
    let count = literal.utf8CodeUnitCount
    UnsafeMutableRawPointer(next).copyMemory(from: literal.utf8Start, byteCount: count)
    next += count
  }

  /// At most 20 bytes.
  @inline(__always)
  mutating func append(decimal value: UInt64) {
    if value < 10 {
      append(UInt8(truncatingIfNeeded: value) &+ UInt8(ascii: "0"))
    } else {
      append(decimal: value, digits: TextCursor.digits(of: value))
    }
  }

  /// `digits` bytes: the last decimal digits of `value`, with zeros in front.
  mutating func append(decimal value: UInt64, digits: Int) {
    let pairs = UnsafeRawPointer(TextCursor.digitPairs.utf8Start)
    let start = UnsafeMutableRawPointer(next)
    var value = value
    var position = digits
    while position >= 2 {
      let quotient = value / 100
      let pair = Int(truncatingIfNeeded: value &- quotient &* 100) &* 2
      value = quotient
      position &-= 2
      start.storeBytes(
        of: pairs.loadUnaligned(fromByteOffset: pair, as: UInt16.self), toByteOffset: position, as: UInt16.self)
    }
    if position > 0 { next.pointee = UInt8(truncatingIfNeeded: value % 10) &+ UInt8(ascii: "0") }
    next += digits
  }

  /// `digits` bytes: the last hexadecimal digits of `value`.
  mutating func append(hexadecimal value: UInt64, digits: Int) {
    let table = TextCursor.hexadecimalDigits.utf8Start
    var shift = UInt64(truncatingIfNeeded: digits &- 1) &* 4
    for _ in 0..<digits {
      append(table[Int(truncatingIfNeeded: value &>> shift & 15)])
      shift &-= 4
    }
  }

  /// At most 21 bytes for six or nine `decimals`: nanoseconds as seconds; what is finer is cut off.
  ///
  /// Done in integers: a `Double` has too few digits for nanoseconds since 1970.
  mutating func append(seconds nanoseconds: Int64, decimals: Int) {
    if nanoseconds < 0 { append(UInt8(ascii: "-")) }
    let magnitude = nanoseconds.magnitude
    let seconds = magnitude / 1_000_000_000
    let rest = magnitude &- seconds &* 1_000_000_000
    append(decimal: seconds)
    append(UInt8(ascii: "."))
    append(decimal: decimals == 9 ? rest : rest / 1000, digits: decimals == 9 ? 9 : 6)
  }

  /// At most `IPAddress.maximumTextLength` bytes.
  mutating func append(address: IPAddress) { next += address.write(to: next) }

  private static var hexadecimalDigits: StaticString { "0123456789abcdef" }

  private static var digitPairs: StaticString {
    """
    0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
    5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899
    """
  }

  @inline(__always)
  private static func digits(of value: UInt64) -> Int {
    if value < 100 { return value < 10 ? 1 : 2 }
    // log10 from log2: 1233 / 4096 is close enough below 2^64 to be off by one at most.
    let estimate = ((64 &- value.leadingZeroBitCount) &* 1233) &>> 12
    return value < powers[estimate] ? estimate : estimate &+ 1
  }

  private static let powers: InlineArray<20, UInt64> = [
    1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000,
    100_000_000_000, 1_000_000_000_000, 10_000_000_000_000, 100_000_000_000_000, 1_000_000_000_000_000,
    10_000_000_000_000_000, 100_000_000_000_000_000, 1_000_000_000_000_000_000, 10_000_000_000_000_000_000,
  ]
}
