import MOSCore

/// Whether a flow is HTTP, as its first bytes tell.
///
/// It is when the client begins with a method, or the server with a status line. A client may have empty lines and blanks
/// before it; a method that is not known needs a path behind it. The few bytes that came before this is known are kept.
struct HTTPRecognition: BitwiseCopyable {
  enum Verdict: UInt8, BitwiseCopyable {
    case undecided, http, other
  }

  private(set) var verdict = Verdict.undecided
  private var client = Prefix()
  private var server = Prefix()

  /// Takes the next bytes of a side while the verdict is undecided. Returns how many of its bytes had come before.
  mutating func take(_ bytes: UnsafeRawBufferPointer, from side: Side) -> Int {
    let before: Int
    switch side {
    case .client:
      before = client.append(bytes)
      verdict = client.withBytes(Self.judgeClient)
    case .server:
      before = server.append(bytes)
      verdict = server.withBytes(Self.judgeServer)
    }
    return before
  }

  /// Calls `body` with the first bytes of a side that were kept.
  func withBytes<Result>(of side: Side, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    (side == .client ? client : server).withBytes(body)
  }

  private static let methodBytes = 24
  private static let blankBytes = 8

  private static func judgeClient(_ bytes: UnsafeRawBufferPointer) -> Verdict {
    var start = 0
    while start < bytes.count, ASCII.isBlankOrLineEnd(bytes[start]) { start += 1 }
    if start > blankBytes { return .other }
    if start == bytes.count { return .undecided }
    var end = start
    while end < bytes.count, end - start <= methodBytes, ASCII.isToken(bytes[end]) { end += 1 }
    if end == start || end - start > methodBytes { return .other }
    if end == bytes.count { return .undecided }
    if !ASCII.isBlank(bytes[end]) { return .other }
    if HTTPMethod(UnsafeRawBufferPointer(rebasing: bytes[start..<end])) != .other { return .http }
    if end + 1 == bytes.count { return .undecided }
    return bytes[end + 1] == UInt8(ascii: "/") ? .http : .other
  }

  private static func judgeServer(_ bytes: UnsafeRawBufferPointer) -> Verdict {
    let begin = min(bytes.count, HTTPHead.protocolName.utf8CodeUnitCount)
    if !ASCII.begins(bytes, HTTPHead.protocolName, count: begin) { return .other }
    return begin == HTTPHead.protocolName.utf8CodeUnitCount ? .http : .undecided
  }

  /// The first bytes of a side.
  private struct Prefix: BitwiseCopyable {
    private static var capacity: Int { 40 }
    private var bytes = InlineArray<40, UInt8>(repeating: 0)
    private var count: UInt8 = 0

    /// Returns how many there were before.
    mutating func append(_ more: UnsafeRawBufferPointer) -> Int {
      let before = Int(count)
      for index in 0..<min(more.count, Self.capacity - before) { bytes[before + index] = more[index] }
      count = UInt8(min(Self.capacity, before + more.count))
      return before
    }

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
      withUnsafeBytes(of: bytes) { body(UnsafeRawBufferPointer(rebasing: $0[..<Int(count)])) }
    }
  }
}
