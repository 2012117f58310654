/// Reads what a protocol has on the wire, big-endian, from bytes that may end anywhere: nil where there is not enough.
struct WireReader {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// Bytes that are not read yet.
  var remaining: Int { bytes.count - position }

  mutating func byte() -> UInt8? {
    guard remaining >= 1 else { return nil }
    defer { position += 1 }
    return bytes[position]
  }

  mutating func number16() -> UInt16? {
    guard remaining >= 2 else { return nil }
    defer { position += 2 }
    return UInt16(bytes[position]) << 8 | UInt16(bytes[position + 1])
  }

  /// The next `count` bytes.
  mutating func part(_ count: Int) -> UnsafeRawBufferPointer? {
    guard remaining >= count else { return nil }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
  }

  /// Bytes behind their number, which is a byte.
  mutating func part8() -> UnsafeRawBufferPointer? {
    guard let count = byte() else { return nil }
    return part(Int(count))
  }

  /// Bytes behind their number, which is two bytes.
  mutating func part16() -> UnsafeRawBufferPointer? {
    guard let count = number16() else { return nil }
    return part(Int(count))
  }
}

/// Numbers of two bytes, one behind the other; a byte too many at the end is none.
struct WireNumbers: Sequence, IteratorProtocol {
  private var reader: WireReader

  init(_ bytes: UnsafeRawBufferPointer) { reader = WireReader(bytes) }

  mutating func next() -> UInt16? { reader.number16() }
}
