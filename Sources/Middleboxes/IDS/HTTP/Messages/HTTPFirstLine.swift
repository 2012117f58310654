import MOSCore

/// What a line begins that comes where a message should.
enum HTTPFirstLine {
  /// A message with fields.
  case message
  /// A request of HTTP/0.9, which has neither protocol nor fields.
  case bareRequest
  /// A request of another protocol that looks like HTTP: RTSP, SIP, HTTP/2.
  case otherProtocol
  case garbage

  init(_ bytes: UnsafeRawBufferPointer, sender: Side) {
    switch sender {
    case .server:
      let head = HTTPHead(response: bytes)
      self = HTTPHead.isHTTP(bytes, head.first) ? .message : .garbage
    case .client:
      let head = HTTPHead(request: bytes)
      if HTTPHead.isHTTP(bytes, head.third) {
        self = Self.isPreface(bytes, head) ? .otherProtocol : .message
      } else if HTTPHead.isOtherProtocol(bytes, head.third) {
        self = .otherProtocol
      } else if HTTPMethod(UnsafeRawBufferPointer(rebasing: bytes[head.first])) == .other || head.second.isEmpty {
        self = .garbage
      } else {
        self = head.third.isEmpty ? .bareRequest : .message
      }
    }
  }

  /// What a client of HTTP/2 begins with (RFC 9113 3.4).
  private static func isPreface(_ bytes: UnsafeRawBufferPointer, _ head: HTTPHead) -> Bool {
    let line = UnsafeRawBufferPointer(rebasing: bytes[head.line])
    let preface: StaticString = "PRI * HTTP/2.0"
    return line.count == preface.utf8CodeUnitCount && ASCII.begins(line, preface, count: line.count)
  }
}
