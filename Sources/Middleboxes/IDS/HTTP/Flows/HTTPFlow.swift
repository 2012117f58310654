import MOSCore

/// A flow of HTTP: both of its directions, and which requests wait for their responses.
struct HTTPFlow {
  /// A request without response.
  struct Request {
    var method: HTTPMethod
    /// Whether it asks for another protocol, so that a response 101 can be true.
    var asksForUpgrade: Bool
  }

  private(set) var client = HTTPDirection(.client)
  private(set) var server = HTTPDirection(.server)
  var requests: [Request] = []
  var nextRequest: UInt32 = 0
  var nextResponse: UInt32 = 0
  /// What follows in both directions is another protocol.
  var isOver = false

  /// Takes the next bytes of a side.
  mutating func take(
    _ piece: UnsafeRawBufferPointer, from side: Side, tools: inout HTTPTools, sink: inout some HTTPSink
  ) {
    work(side) { flow, direction in
      flow.read(piece, &direction, &tools, &sink)
      if flow.isOver { flow.stop(&direction, &tools, &sink) }
    }
    if isOver { stop(tools: &tools, sink: &sink) }
  }

  /// Bytes of a side were lost.
  mutating func skip(_ count: UInt64, from side: Side, tools: inout HTTPTools, sink: inout some HTTPSink) {
    work(side) { flow, direction in flow.skip(count, &direction, &tools, &sink) }
  }

  /// A side sends no more.
  mutating func finish(_ side: Side, tools: inout HTTPTools, sink: inout some HTTPSink) {
    work(side) { flow, direction in
      flow.finish(&direction, &tools, &sink)
      flow.stop(&direction, &tools, &sink)
    }
  }

  /// Nothing of the flow is looked at any more.
  mutating func stop(tools: inout HTTPTools, sink: inout some HTTPSink) {
    isOver = true
    requests.removeAll()
    for side in Side.allCases { work(side) { flow, direction in flow.stop(&direction, &tools, &sink) } }
  }

  /// What a response to CONNECT other than success lets go on: the requests behind it.
  mutating func resumeClient(_ tools: inout HTTPTools, _ sink: inout some HTTPSink) {
    guard case .waiting = client.state else { return }
    let waiting = client.waiting
    client.waiting = []
    client.state = .start
    waiting.withUnsafeBytes { take($0, from: .client, tools: &tools, sink: &sink) }
  }

  /// Takes a direction out of its place while it is worked on, so that it can change the rest of the flow.
  private mutating func work(_ side: Side, _ body: (inout HTTPFlow, inout HTTPDirection) -> Void) {
    var direction = HTTPDirection(side)
    switch side {
    case .client:
      swap(&direction, &client)
      body(&self, &direction)
      client = direction
    case .server:
      swap(&direction, &server)
      body(&self, &direction)
      server = direction
    }
  }

  /// Ends what is being read of a direction, and looks at no more of it.
  mutating func stop(_ direction: inout HTTPDirection, _ tools: inout HTTPTools, _ sink: inout some HTTPSink) {
    if direction.isInMessage { endMessage(&direction, &tools, &sink) }
    direction.state = .stopped
    direction.block = HTTPBlock()
    direction.waiting = []
    if direction.message.sender == .server { requests.removeAll() }
  }

  /// Hands out what there is of the body, and says that the message is over.
  mutating func endMessage(_ direction: inout HTTPDirection, _ tools: inout HTTPTools, _ sink: inout some HTTPSink) {
    finishBody(&direction, &tools, &sink)
    sink.end(direction.message, behind: tools.behind)
    direction.state = direction.next
    direction.next = .start
  }

  private mutating func skip(
    _ count: UInt64, _ direction: inout HTTPDirection, _ tools: inout HTTPTools, _ sink: inout some HTTPSink
  ) {
    if case .stopped = direction.state { return }
    sink.note(.gap, in: direction.isInMessage ? direction.message : nextMessage(direction.message.sender))
    switch direction.state {
    case .untilClose:
      finishBody(&direction, &tools, &sink)
      direction.body.goOn()
    case .body where count <= direction.remaining, .chunk where count <= direction.remaining:
      finishBody(&direction, &tools, &sink)
      direction.body.goOn()
      direction.remaining -= count
      if direction.remaining > 0 { return }
      if case .chunk = direction.state {
        direction.state = .chunkEnd
      } else {
        endMessage(&direction, &tools, &sink)
      }
    default: stop(&direction, &tools, &sink)
    }
  }

  private mutating func finish(
    _ direction: inout HTTPDirection, _ tools: inout HTTPTools, _ sink: inout some HTTPSink
  ) {
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    direction.block.enterPiece()
    switch direction.state {
    case .fields: readHead(nothing, 0, &direction, &tools, &sink)
    case .firstLine where direction.message.sender == .server:
      judgeFirstLine(nothing, 0, &direction, &tools, &sink)
    case .trailer: readTrailer(nothing, 0, &direction, &tools, &sink)
    default: break
    }
  }

  /// The message that would begin now.
  func nextMessage(_ sender: Side) -> HTTPMessage {
    HTTPMessage(transaction: sender == .client ? max(nextRequest, nextResponse) : nextResponse, sender: sender)
  }
}
