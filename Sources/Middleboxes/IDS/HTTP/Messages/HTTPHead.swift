/// The first line of a head, taken apart.
///
/// Ranges are places in the head. Blanks may be several, and the target of a request may contain some: its protocol is what
/// comes behind the last one.
struct HTTPHead {
  static let protocolName: StaticString = "HTTP/"

  /// The first line without its end.
  var line: Range<Int>
  /// Where the fields begin.
  var fields: Int
  /// A request's method, a response's protocol.
  var first: Range<Int>
  /// A request's target, a response's status code.
  var second: Range<Int>
  /// A request's protocol, a response's reason; empty where there is none.
  var third: Range<Int>

  /// Takes the first line of a request apart.
  init(request bytes: UnsafeRawBufferPointer) {
    self.init(bytes)
    third = line.upperBound..<line.upperBound
    guard !second.isEmpty else { return }
    var start = second.upperBound
    while start > second.lowerBound, !ASCII.isBlank(bytes[start - 1]) { start -= 1 }
    guard start > second.lowerBound else { return }
    third = start..<second.upperBound
    second = ASCII.trimmed(bytes, second.lowerBound..<start)
  }

  /// Takes the first line of a response apart.
  init(response bytes: UnsafeRawBufferPointer) {
    self.init(bytes)
    let rest = second
    var end = rest.lowerBound
    while end < rest.upperBound, !ASCII.isBlank(bytes[end]) { end += 1 }
    second = rest.lowerBound..<end
    third = ASCII.trimmed(bytes, end..<rest.upperBound)
  }

  /// `second` is all behind the first word.
  private init(_ bytes: UnsafeRawBufferPointer) {
    var end = 0
    while end < bytes.count, bytes[end] != ASCII.lineFeed { end += 1 }
    fields = min(end + 1, bytes.count)
    line = ASCII.trimmed(bytes, 0..<end)
    end = line.lowerBound
    while end < line.upperBound, !ASCII.isBlank(bytes[end]) { end += 1 }
    first = line.lowerBound..<end
    second = ASCII.trimmed(bytes, end..<line.upperBound)
    third = line.upperBound..<line.upperBound
  }

  /// Whether bytes name HTTP as their protocol.
  static func isHTTP(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
    ASCII.begins(
      UnsafeRawBufferPointer(rebasing: bytes[range]), protocolName, count: protocolName.utf8CodeUnitCount)
  }

  /// Whether bytes name another protocol, in the form in which HTTP is named: `RTSP/1.0`, `SIP/2.0`.
  static func isOtherProtocol(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
    guard !isHTTP(bytes, range), let slash = range.first(where: { bytes[$0] == UInt8(ascii: "/") }) else {
      return false
    }
    return slash > range.lowerBound && slash + 1 < range.upperBound
      && (range.lowerBound..<slash).allSatisfy { bytes[$0] &- 0x41 < 26 } && bytes[slash + 1] &- 0x30 < 10
  }
}
