/// A request's method, as far as it is known.
enum HTTPMethod: UInt8, BitwiseCopyable {
  /// One that is not known.
  case other
  /// Known, and without a meaning for where messages end.
  case known
  /// Its response has no body.
  case head
  /// Behind its response comes another protocol.
  case connect

  init(_ bytes: UnsafeRawBufferPointer) {
    func matches(_ name: StaticString) -> Bool {
      bytes.count == name.utf8CodeUnitCount && ASCII.begins(bytes, name, count: bytes.count)
    }
    if matches("GET") || matches("POST") {
      self = .known
    } else if matches("HEAD") {
      self = .head
    } else if matches("CONNECT") {
      self = .connect
    } else {
      self = Self.others.contains(where: matches) ? .known : .other
    }
  }

  /// The registered ones, beside those above, that are met.
  private static let others: [StaticString] = [
    "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK",
    "VERSION-CONTROL", "CHECKOUT", "UNCHECKOUT", "CHECKIN", "UPDATE", "LABEL", "REPORT", "MKWORKSPACE", "MKACTIVITY",
    "BASELINE-CONTROL", "MERGE", "SEARCH", "LINK", "UNLINK", "ACL", "BIND", "REBIND", "UNBIND", "MKCALENDAR",
    "NOTIFY", "SUBSCRIBE", "UNSUBSCRIBE", "M-SEARCH", "PURGE", "BCOPY", "BDELETE", "BMOVE", "BPROPFIND", "BPROPPATCH",
    "POLL", "RPC_IN_DATA", "RPC_OUT_DATA", "TRACK", "DEBUG",
  ]
}
