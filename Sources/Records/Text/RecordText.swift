// Unsafe code: `base` points to `capacity` bytes that this struct allocated and owns; the first `count` of them, never
// more than `capacity`, are initialised. Every append reserves before it writes.

import MOSCore

/// The bytes of one or more records being written: a growable buffer that is emptied and used again.
///
/// Formatters append to it and do not know where the text goes. It grows to the longest record and stays there, so that
/// writing a record allocates nothing in the steady state.
public struct RecordText: ~Copyable, @unchecked Sendable {
  private var base: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  /// How many bytes there are.
  public private(set) var count = 0

  /// An empty text with room for `capacity` bytes (at least 64) before it grows.
  public init(capacity: Int = 4096) {
    self.capacity = max(capacity, 64)
    base = .allocate(capacity: self.capacity)
  }

  deinit { base.deallocate() }

  /// The bytes. Valid until the next append.
  public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  /// The last byte, or 0 when there is none.
  var last: UInt8 { count == 0 ? 0 : base[count &- 1] }

  /// Removes every byte and keeps the memory.
  public mutating func removeAll() { count = 0 }

  /// Keeps the first `count` bytes. Precondition: there are that many.
  public mutating func truncate(to count: Int) {
    precondition(count >= 0 && count <= self.count)
    self.count = count
  }

  /// Makes room for `extra` more bytes.
  @inline(__always)
  mutating func reserve(_ extra: Int) {
    if capacity &- count < extra { grow(extra) }
  }

  @inline(never)
  private mutating func grow(_ extra: Int) {
    let (doubled, new) = (capacity * 2, max(capacity * 2, count + extra))
    precondition(new >= doubled)
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: new)
    larger.update(from: base, count: count)
    base.deallocate()
    base = larger
    capacity = new
  }

  /// Appends one byte.
  @inline(__always)
  public mutating func append(_ byte: UInt8) {
    reserve(1)
    base[count] = byte
    count &+= 1
  }

  /// Appends a literal's UTF-8.
  @inline(__always)
  public mutating func append(_ literal: StaticString) {
    let length = literal.utf8CodeUnitCount
    reserve(length)
    base.advanced(by: count).update(from: literal.utf8Start, count: length)
    count &+= length
  }

  /// Appends bytes as they are.
  public mutating func append(bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
    reserve(bytes.count)
    UnsafeMutableRawPointer(base.advanced(by: count)).copyMemory(from: start, byteCount: bytes.count)
    count &+= bytes.count
  }

  /// Appends a string's UTF-8. Not for the path of records: it may copy the string first.
  public mutating func append(string: String) {
    var string = string
    string.withUTF8 { append(bytes: UnsafeRawBufferPointer($0)) }
  }

  /// Appends an address as `IPAddress.write` does: dotted decimal for IPv4, RFC 5952 for IPv6.
  public mutating func append(address: IPAddress) {
    reserve(IPAddress.maximumTextLength)
    count &+= address.write(to: base.advanced(by: count))
  }

  /// Appends `value` in decimal.
  public mutating func append(decimal value: UInt64) {
    append(decimal: value, digits: RecordText.digits(of: value))
  }

  /// Appends `value` in decimal, with a sign when it is negative.
  public mutating func append(decimal value: Int64) {
    if value < 0 { append(UInt8(ascii: "-")) }
    append(decimal: value.magnitude)
  }

  /// Appends the last `digits` decimal digits of `value`, with zeros in front.
  mutating func append(decimal value: UInt64, digits: Int) {
    reserve(digits)
    let pairs = RecordText.digitPairs.utf8Start
    var value = value
    var position = count &+ digits
    while position &- count >= 2 {
      let pair = Int(truncatingIfNeeded: value % 100) &* 2
      value /= 100
      position &-= 2
      base[position] = pairs[pair]
      base[position &+ 1] = pairs[pair &+ 1]
    }
    if position > count { base[count] = UInt8(truncatingIfNeeded: value % 10) &+ UInt8(ascii: "0") }
    count &+= digits
  }

  /// Appends `value` as `digits` lower-case hexadecimal digits, the most significant first.
  mutating func append(hexadecimal value: UInt64, digits: Int) {
    reserve(digits)
    let table = RecordText.hexadecimalDigits.utf8Start
    var shift = UInt64(truncatingIfNeeded: digits &- 1) &* 4
    for _ in 0..<digits {
      base[count] = table[Int(truncatingIfNeeded: value &>> shift & 15)]
      count &+= 1
      shift &-= 4
    }
  }

  private static var hexadecimalDigits: StaticString { "0123456789abcdef" }

  private static var digitPairs: StaticString {
    """
    0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
    5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899
    """
  }

  private static func digits(of value: UInt64) -> Int {
    var limit: UInt64 = 10
    var digits = 1
    while digits < 19 {
      if value < limit { return digits }
      limit &*= 10
      digits &+= 1
    }
    return value < limit ? 19 : 20
  }
}
