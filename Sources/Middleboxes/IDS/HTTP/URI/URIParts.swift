/// A request's target, taken apart (RFC 3986 3). Ranges are places in its bytes.
struct URIParts {
  /// Host and port, without user; nil where the target has none.
  var authority: Range<Int>?
  var path: Range<Int>
  /// Behind the `?`; nil where there is none.
  var query: Range<Int>?
  /// Behind the `#`; nil where there is none.
  var fragment: Range<Int>?

  init(_ target: UnsafeRawBufferPointer) {
    var position = 0
    func find(_ bytes: StaticString, from start: Int) -> Int {
      var index = start
      while index < target.count {
        for other in 0..<bytes.utf8CodeUnitCount where target[index] == bytes.utf8Start[other] { return index }
        index += 1
      }
      return index
    }
    // A scheme has no slash before its colon.
    if let first = target.first, first != UInt8(ascii: "/") {
      let end = find(":/?#", from: 0)
      if end < target.count, target[end] == UInt8(ascii: ":") { position = end + 1 }
    }
    func isSlash(_ index: Int) -> Bool { index < target.count && target[index] == UInt8(ascii: "/") }
    if position > 0, isSlash(position), isSlash(position + 1), !isSlash(position + 2) {
      let start = position + 2
      let end = find("/?#", from: start)
      let user = (start..<end).last { target[$0] == UInt8(ascii: "@") }
      authority = (user.map { $0 + 1 } ?? start)..<end
      position = end
    }
    let pathEnd = find("?#", from: position)
    path = position..<pathEnd
    position = pathEnd
    if position < target.count, target[position] == UInt8(ascii: "?") {
      let end = find("#", from: position + 1)
      query = position + 1..<end
      position = end
    }
    if position < target.count { fragment = position + 1..<target.count }
  }
}
