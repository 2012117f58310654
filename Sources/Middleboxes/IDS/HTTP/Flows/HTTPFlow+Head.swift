import MOSCore

extension HTTPFlow {
  /// Reads a head, which ends at a place of the piece: hands out its parts, and finds how the body's end is told.
  mutating func readHead(
    _ piece: UnsafeRawBufferPointer, _ position: Int, _ direction: inout HTTPDirection, _ tools: inout HTTPTools,
    _ sink: inout some HTTPSink
  ) {
    tools.behind = piece.count - position
    let message = nextMessage(direction.message.sender)
    direction.message = message
    direction.hasBegun = true
    direction.garbage = 0
    if message.sender == .client, requests.count >= tools.limits.transactions {
      sink.note(.tooManyTransactions, in: message)
      stop(&direction, &tools, &sink)
      return
    }
    var block = HTTPBlock()
    swap(&block, &direction.block)
    block.withBytes(piece, upTo: position) { bytes in
      let head = message.sender == .client ? HTTPHead(request: bytes) : HTTPHead(response: bytes)
      let fields = UnsafeRawBufferPointer(rebasing: bytes[head.fields...])
      if tools.fields.read(fields, limit: tools.limits.fields) { sink.note(.tooManyFields, in: message) }
      tools.handOut(head, in: bytes, of: message, to: &sink)
      if message.sender == .client {
        beginRequest(UnsafeRawBufferPointer(rebasing: bytes[head.first]), &direction, &tools, &sink)
      } else {
        beginResponse(UnsafeRawBufferPointer(rebasing: bytes[head.second]), &direction, &tools, &sink)
      }
    }
    block.end()
    // The head was cut off, and what follows is the rest of it.
    if case .stopped = direction.next { stop(&direction, &tools, &sink) }
  }

  private mutating func beginRequest(
    _ name: UnsafeRawBufferPointer, _ direction: inout HTTPDirection, _ tools: inout HTTPTools,
    _ sink: inout some HTTPSink
  ) {
    let method = HTTPMethod(name)
    nextRequest = direction.message.transaction &+ 1
    let isAnswered = if case .stopped = server.state { false } else { true }
    if isAnswered {
      requests.append(Request(method: method, asksForUpgrade: tools.fields.first("upgrade") != nil))
    }
    if method == .connect, case .start = direction.next { direction.next = isAnswered ? .waiting : .stopped }
    let framing = framing(direction.message, tools, &sink)
    begin(framing, codings: [], limit: tools.limits.bodyBytes(from: .client), &direction, &tools, &sink)
  }

  private mutating func beginResponse(
    _ code: UnsafeRawBufferPointer, _ direction: inout HTTPDirection, _ tools: inout HTTPTools,
    _ sink: inout some HTTPSink
  ) {
    let status = code.count == 3 ? code.reduce(0) { $0 * 10 + Int($1 &- 0x30) } : 0
    let request = requests.first
    let isUpgrade = status == 101 && request?.asksForUpgrade ?? true
    if 100..<200 ~= status, !isUpgrade {
      direction.state = .start
      return
    }
    if !requests.isEmpty { requests.removeFirst() }
    nextResponse &+= 1
    if isUpgrade || request?.method == .connect && 200..<300 ~= status {
      sink.end(direction.message, behind: tools.behind)
      direction.state = .start
      isOver = true
      return
    }
    let hasBody = request?.method != .head && status != 204 && status != 304
    var codings: [HTTPDecoding.Coding] = []
    var framing = HTTPFraming.none
    if hasBody {
      framing = self.framing(direction.message, tools, &sink)
      codings = tools.fields.codings()
      if codings.count > tools.limits.encodings {
        sink.note(.invalidEncoding, in: direction.message)
        codings.removeAll()
      }
    }
    begin(framing, codings: codings, limit: tools.limits.bodyBytes(from: .server), &direction, &tools, &sink)
    if request?.method == .connect { resumeClient(&tools, &sink) }
  }

  private func framing(_ message: HTTPMessage, _ tools: HTTPTools, _ sink: inout some HTTPSink) -> HTTPFraming {
    HTTPFraming(tools.fields, isRequest: message.sender == .client) { sink.note($0, in: message) }
  }

  private mutating func begin(
    _ framing: HTTPFraming, codings: [HTTPDecoding.Coding], limit: Int, _ direction: inout HTTPDirection,
    _ tools: inout HTTPTools, _ sink: inout some HTTPSink
  ) {
    direction.body.begin(limit: framing == .none ? 0 : limit, codings: codings)
    switch framing {
    case .none, .length(0): endMessage(&direction, &tools, &sink)
    case .length(let length):
      direction.remaining = length
      direction.state = .body
    case .chunks:
      direction.chunkLine = HTTPChunkLine()
      direction.state = .chunkLine
    case .untilClose: direction.state = .untilClose
    }
  }
}
