#if canImport(Glibc)
  import Glibc
#endif

/// A content, ready to be searched for.
struct ContentSearch: Sendable {
  let content: ContentMatch
  /// As they are compared: letters in lower case where case does not matter.
  private let bytes: [UInt8]

  init(_ content: ContentMatch) {
    self.content = content
    bytes = content.isCaseInsensitive ? content.bytes.map(ContentSearch.lowerCase) : content.bytes
  }

  /// How many bytes it has.
  var count: Int { bytes.count }

  /// The first place from `start` on at which it lies whole before `end`.
  func first(in text: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Int? {
    guard start >= 0, end <= text.count, end - start >= bytes.count, !bytes.isEmpty else { return nil }
    let base = text.baseAddress!
    let last = end - bytes.count
    let one = bytes[0]
    var place = start
    if !content.isCaseInsensitive {
      while place <= last, let found = memchr(base + place, Int32(one), last - place + 1) {
        place = UnsafeRawPointer(found) - base
        if memcmp(base + place, bytes, bytes.count) == 0 { return place }
        place += 1
      }
      return nil
    }
    while place <= last {
      if ContentSearch.lowerCase(text[place]) == one, lies(at: place, in: text) { return place }
      place += 1
    }
    return nil
  }

  private func lies(at place: Int, in text: UnsafeRawBufferPointer) -> Bool {
    for index in 1..<bytes.count where ContentSearch.lowerCase(text[place + index]) != bytes[index] { return false }
    return true
  }

  private static func lowerCase(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte }
}
