import MOSCore

extension HTTPFlow {
  /// Reads a body, of a length or until the end of the stream, or a chunk of one.
  mutating func readBody(
    _ piece: UnsafeRawBufferPointer, _ position: inout Int, _ direction: inout HTTPDirection,
    _ tools: inout HTTPTools, _ sink: inout some HTTPSink
  ) {
    let rest = piece.count - position
    if case .untilClose = direction.state {
      takeBody(UnsafeRawBufferPointer(rebasing: piece[position...]), isLast: false, &direction, &tools, &sink)
      position = piece.count
      return
    }
    let count = Int(min(UInt64(rest), direction.remaining))
    let part = UnsafeRawBufferPointer(rebasing: piece[position..<position + count])
    position += count
    tools.behind = rest - count
    direction.remaining -= UInt64(count)
    let isEnd = direction.remaining == 0
    if case .chunk = direction.state {
      takeBody(part, isLast: false, &direction, &tools, &sink)
      if isEnd { direction.state = .chunkEnd }
    } else {
      takeBody(part, isLast: isEnd, &direction, &tools, &sink)
      if isEnd { endMessage(&direction, &tools, &sink) }
    }
  }

  mutating func readChunkLine(
    _ piece: UnsafeRawBufferPointer, _ position: inout Int, _ direction: inout HTTPDirection,
    _ tools: inout HTTPTools, _ sink: inout some HTTPSink
  ) {
    while position < piece.count {
      switch direction.chunkLine.take(piece[position]) {
      case .more: position += 1
      case .chunk(0):
        position += 1
        finishBody(&direction, &tools, &sink)
        direction.block.begin(at: position)
        direction.state = .trailer
        return
      case .chunk(let length):
        position += 1
        direction.remaining = length
        direction.state = .chunk
        return
      case .invalid:
        sink.note(.invalidChunk, in: direction.message)
        direction.chunkLine = HTTPChunkLine()
        if direction.message.sender == .client {
          stop(&direction, &tools, &sink)
        } else {
          direction.state = .untilClose
        }
        return
      }
    }
  }

  /// Hands out the fields behind the last chunk as a header of their own.
  mutating func readTrailer(
    _ piece: UnsafeRawBufferPointer, _ position: Int, _ direction: inout HTTPDirection, _ tools: inout HTTPTools,
    _ sink: inout some HTTPSink
  ) {
    tools.behind = piece.count - position
    let message = direction.message
    direction.block.withBytes(piece, upTo: position) { bytes in
      // No more than the empty line.
      guard bytes.contains(where: { !ASCII.isBlankOrLineEnd($0) }) else { return }
      if tools.fields.read(bytes, limit: tools.limits.fields) { sink.note(.tooManyFields, in: message) }
      tools.handOutHeader(raw: bytes, of: message, to: &sink)
    }
    direction.block.end()
    endMessage(&direction, &tools, &sink)
  }

  func takeBody(
    _ bytes: UnsafeRawBufferPointer, isLast: Bool, _ direction: inout HTTPDirection, _ tools: inout HTTPTools,
    _ sink: inout some HTTPSink
  ) {
    let message = direction.message
    let limits = tools.limits
    direction.body.take(bytes, isLast: isLast, tools: &tools) { body, isWhole, anomaly in
      Self.handOut(body, isWhole: isWhole, anomaly, message, limits, &sink)
    }
  }

  func finishBody(_ direction: inout HTTPDirection, _ tools: inout HTTPTools, _ sink: inout some HTTPSink) {
    let message = direction.message
    let limits = tools.limits
    direction.body.finish(tools: &tools) { body, isWhole, anomaly in
      Self.handOut(body, isWhole: isWhole, anomaly, message, limits, &sink)
    }
  }

  private static func handOut(
    _ body: UnsafeRawBufferPointer, isWhole: Bool, _ anomaly: HTTPAnomaly?, _ message: HTTPMessage,
    _ limits: HTTPLimits, _ sink: inout some HTTPSink
  ) {
    if let anomaly { sink.note(anomaly, in: message) }
    if body.isEmpty { return }
    let buffers: [InspectionBuffer] = message.sender == .client ? [.httpRequestBody] : [.httpResponseBody, .fileData]
    for buffer in buffers where limits.wants(buffer) { sink.take(buffer, body, isWhole: isWhole, of: message) }
  }
}
