import MOSCore

/// What of a head is handed out.
extension HTTPTools {
  /// Hands out all of a head, whose fields have been read.
  mutating func handOut(
    _ head: HTTPHead, in bytes: UnsafeRawBufferPointer, of message: HTTPMessage, to sink: inout some HTTPSink
  ) {
    switch message.sender {
    case .client:
      handOut(.httpRequestLine, bytes, head.line, message, &sink)
      handOut(.httpMethod, bytes, head.first, message, &sink)
      handOut(.httpRawURI, bytes, head.second, message, &sink)
      handOutTarget(UnsafeRawBufferPointer(rebasing: bytes[head.second]), head, bytes, message, &sink)
      handOut(.httpProtocol, bytes, head.third, message, &sink)
    case .server:
      handOut(.httpResponseLine, bytes, head.line, message, &sink)
      handOut(.httpProtocol, bytes, head.first, message, &sink)
      handOut(.httpStatusCode, bytes, head.second, message, &sink)
      handOut(.httpStatusMessage, bytes, head.third, message, &sink)
    }
    handOutHeader(raw: UnsafeRawBufferPointer(rebasing: bytes[head.fields...]), of: message, to: &sink)
    handOutStart(UnsafeRawBufferPointer(rebasing: bytes[head.line]), message, &sink)
  }

  /// Hands out the fields that have been read, of a head or a trailer, together and one by one.
  mutating func handOutHeader(
    raw: UnsafeRawBufferPointer, of message: HTTPMessage, to sink: inout some HTTPSink
  ) {
    handOut(.httpRawHeader, raw, 0..<raw.count, message, &sink)
    if limits.wants(.httpHeader) {
      text.removeAll(keepingCapacity: true)
      fields.appendLines(to: &text, without: message.sender == .client ? "cookie" : "set-cookie")
      if !text.isEmpty { give(.httpHeader, message, &sink) }
    }
    if limits.wants(.httpHeaderNames) {
      text.removeAll(keepingCapacity: true)
      fields.appendNames(to: &text)
      give(.httpHeaderNames, message, &sink)
    }
    for (name, buffer, sender) in Self.ownBuffers where sender == nil || sender == message.sender {
      guard limits.wants(buffer), let index = fields.first(name) else { continue }
      text.removeAll(keepingCapacity: true)
      fields.appendValue(of: index, to: &text)
      give(buffer, message, &sink)
    }
  }

  /// Fields with a buffer of their own; who sends them, nil for both.
  private static let ownBuffers: [(name: StaticString, buffer: InspectionBuffer, sender: Side?)] = [
    ("cookie", .httpCookie, .client), ("set-cookie", .httpCookie, .server), ("user-agent", .httpUserAgent, .client),
    ("content-type", .httpContentType, nil), ("content-length", .httpContentLength, nil),
    ("connection", .httpConnection, nil), ("referer", .httpReferer, .client), ("accept", .httpAccept, .client),
    ("accept-encoding", .httpAcceptEncoding, .client), ("accept-language", .httpAcceptLanguage, .client),
    ("server", .httpServer, .server), ("location", .httpLocation, .server),
  ]

  /// The normalized target, which CONNECT has none of, and the host, from the target or from Host.
  private mutating func handOutTarget(
    _ target: UnsafeRawBufferPointer, _ head: HTTPHead, _ bytes: UnsafeRawBufferPointer, _ message: HTTPMessage,
    _ sink: inout some HTTPSink
  ) {
    let isConnect = HTTPMethod(UnsafeRawBufferPointer(rebasing: bytes[head.first])) == .connect
    if limits.wants(.httpURI), !isConnect {
      text.removeAll(keepingCapacity: true)
      URINormalizer.normalize(target, into: &text)
      if !text.isEmpty { give(.httpURI, message, &sink) }
    }
    guard limits.wants(.httpRawHost) || limits.wants(.httpHost) else { return }
    if let authority = isConnect ? 0..<target.count : URIParts(target).authority {
      text.removeAll(keepingCapacity: true)
      text.append(contentsOf: target[authority])
      text.removeSubrange(text.withUnsafeBytes { HTTPHost.length($0) }...)
    } else if let index = fields.first("host") {
      text.removeAll(keepingCapacity: true)
      fields.appendValue(of: index, to: &text)
    } else {
      return
    }
    give(.httpRawHost, message, &sink)
    HTTPHost.normalize(&text)
    give(.httpHost, message, &sink)
  }

  private mutating func handOutStart(
    _ line: UnsafeRawBufferPointer, _ message: HTTPMessage, _ sink: inout some HTTPSink
  ) {
    guard limits.wants(.httpStart) else { return }
    text.removeAll(keepingCapacity: true)
    text.append(contentsOf: line)
    text.append(ASCII.carriageReturn)
    text.append(ASCII.lineFeed)
    fields.appendLines(to: &text, without: nil)
    text.append(ASCII.carriageReturn)
    text.append(ASCII.lineFeed)
    give(.httpStart, message, &sink)
  }

  /// Hands out bytes where they lie, if there are some.
  private func handOut(
    _ buffer: InspectionBuffer, _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ message: HTTPMessage,
    _ sink: inout some HTTPSink
  ) {
    guard !range.isEmpty, limits.wants(buffer) else { return }
    sink.take(buffer, UnsafeRawBufferPointer(rebasing: bytes[range]), isWhole: true, of: message)
  }

  /// Hands out `text`.
  private func give(_ buffer: InspectionBuffer, _ message: HTTPMessage, _ sink: inout some HTTPSink) {
    if limits.wants(buffer) { text.withUnsafeBytes { sink.take(buffer, $0, isWhole: true, of: message) } }
  }
}
