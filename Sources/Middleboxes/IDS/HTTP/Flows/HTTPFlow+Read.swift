import MOSCore

extension HTTPFlow {
  /// Reads a piece of a direction.
  mutating func read(
    _ piece: UnsafeRawBufferPointer, _ direction: inout HTTPDirection, _ tools: inout HTTPTools,
    _ sink: inout some HTTPSink
  ) {
    var position = 0
    direction.block.enterPiece()
    while position < piece.count, !isOver {
      tools.behind = piece.count - position
      switch direction.state {
      case .stopped: return
      case .waiting:
        if !wait(piece, position, &direction, tools) { stop(&direction, &tools, &sink) }
        return
      case .start:
        while position < piece.count, ASCII.isBlankOrLineEnd(piece[position]) { position += 1 }
        if position == piece.count { return }
        direction.block.begin(at: position)
        direction.state = .firstLine
      case .firstLine, .fields, .trailer: readBlock(piece, &position, &direction, &tools, &sink)
      case .body, .untilClose, .chunk: readBody(piece, &position, &direction, &tools, &sink)
      case .chunkLine: readChunkLine(piece, &position, &direction, &tools, &sink)
      case .chunkEnd:
        let byte = piece[position]
        if byte == ASCII.carriageReturn {
          position += 1
        } else {
          if byte == ASCII.lineFeed { position += 1 } else { sink.note(.invalidChunk, in: direction.message) }
          direction.state = .chunkLine
        }
      }
    }
    tools.behind = 0
    switch direction.state {
    case .firstLine, .fields, .trailer: direction.block.leavePiece(piece)
    default: break
    }
  }

  /// Returns whether there was room.
  private func wait(
    _ piece: UnsafeRawBufferPointer, _ position: Int, _ direction: inout HTTPDirection, _ tools: HTTPTools
  ) -> Bool {
    let rest = piece[position...]
    if direction.waiting.count + rest.count > tools.limits.headBytes { return false }
    direction.waiting.append(contentsOf: rest)
    return true
  }

  private mutating func readBlock(
    _ piece: UnsafeRawBufferPointer, _ position: inout Int, _ direction: inout HTTPDirection,
    _ tools: inout HTTPTools, _ sink: inout some HTTPSink
  ) {
    let isFirstLine = if case .firstLine = direction.state { true } else { false }
    let limit = tools.limits.headBytes
    let outcome = direction.block.take(piece, &position, until: isFirstLine ? .line : .end, limit: limit)
    if outcome == .more { return }
    if outcome == .tooLong {
      sink.note(.headTooLong, in: nextMessage(direction.message.sender))
      direction.next = .stopped
    }
    switch direction.state {
    case .firstLine: judgeFirstLine(piece, position, &direction, &tools, &sink)
    case .trailer: readTrailer(piece, position, &direction, &tools, &sink)
    default: readHead(piece, position, &direction, &tools, &sink)
    }
  }

  /// Decides what the first line begins: a message, HTTP/0.9, another protocol, or nothing.
  mutating func judgeFirstLine(
    _ piece: UnsafeRawBufferPointer, _ position: Int, _ direction: inout HTTPDirection, _ tools: inout HTTPTools,
    _ sink: inout some HTTPSink
  ) {
    let sender = direction.message.sender
    let hasBegun = direction.hasBegun
    let isCut = if case .stopped = direction.next { true } else { false }
    let line = direction.block.withBytes(piece, upTo: position) { HTTPFirstLine($0, sender: sender) }
    switch line {
    case .message where !isCut: direction.state = .fields
    case .message: readHead(piece, position, &direction, &tools, &sink)
    case .bareRequest:
      direction.next = .stopped
      readHead(piece, position, &direction, &tools, &sink)
    case .otherProtocol where !hasBegun: isOver = true
    case .garbage where sender == .server && !hasBegun: readBareBody(piece, position, &direction, &tools, &sink)
    case .garbage, .otherProtocol:
      if direction.garbage == 0 { sink.note(.garbage, in: nextMessage(sender)) }
      direction.garbage += direction.block.length
      direction.block.end()
      direction.state = .start
      if isCut || direction.garbage > tools.limits.headBytes { stop(&direction, &tools, &sink) }
    }
  }

  private mutating func readBareBody(
    _ piece: UnsafeRawBufferPointer, _ position: Int, _ direction: inout HTTPDirection, _ tools: inout HTTPTools,
    _ sink: inout some HTTPSink
  ) {
    direction.hasBegun = true
    direction.next = .start
    direction.message = nextMessage(.server)
    if !requests.isEmpty { requests.removeFirst() }
    nextResponse &+= 1
    direction.body.begin(limit: tools.limits.bodyBytes(from: .server), codings: [])
    direction.state = .untilClose
    // Out of its place, since the body is a part of the direction too.
    var block = HTTPBlock()
    swap(&block, &direction.block)
    block.withBytes(piece, upTo: position) { bytes in takeBody(bytes, isLast: false, &direction, &tools, &sink) }
  }
}
