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
    write(atMost: IPAddress.maximumTextLength) { $0.append(address: address) }
  }

  /// Appends `value` in decimal.
  public mutating func append(decimal value: UInt64) {
    write(atMost: 20) { $0.append(decimal: value) }
  }

  /// Appends `value` in decimal, with a sign when it is negative.
  public mutating func append(decimal value: Int64) {
    if value < 0 { append(UInt8(ascii: "-")) }
    append(decimal: value.magnitude)
  }

  /// Appends the last `digits` decimal digits of `value`, with zeros in front.
  mutating func append(decimal value: UInt64, digits: Int) {
    write(atMost: digits) { $0.append(decimal: value, digits: digits) }
  }

  /// Appends `value` as `digits` lower-case hexadecimal digits, the most significant first.
  mutating func append(hexadecimal value: UInt64, digits: Int) {
    write(atMost: digits) { $0.append(hexadecimal: value, digits: digits) }
  }

  /// Appends what `body` writes, without further checks: at most `limit` bytes.
  @inline(__always)
  mutating func write(atMost limit: Int, _ body: (inout TextCursor) -> Void) {
    reserve(limit)
    var cursor = TextCursor(next: base.advanced(by: count))
    body(&cursor)
    count = cursor.next - base
    assert(count <= capacity)
  }
}
