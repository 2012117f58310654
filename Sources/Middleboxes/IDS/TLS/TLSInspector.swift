import MOSCore

/// What an inspector knows of one flow; whoever keeps the flow keeps this with it, and ends it with `end`.
struct TLSFlowState: BitwiseCopyable {
  fileprivate var client = TLSDirection()
  fileprivate var server = TLSDirection()

  /// Whether a side began as TLS.
  var isTLS: Bool { client.isTLS || server.isTLS }

  /// Nothing that comes is looked at: bytes cost nothing.
  var isOver: Bool { client.stage == .over && server.stage == .over }
}

/// Takes the bytes of TCP flows, cut anywhere, and hands out what the hellos of TLS have: the server's name, fingerprints.
///
/// Only each side's first message is looked at, over as many records as it has; a flow that does not begin so costs five
/// bytes of its state. Which end says the client's hello is told by the hello.
struct TLSInspector: ~Copyable {
  /// What is kept and made at most; new ones hold for what comes.
  var limits: TLSLimits
  private var partial: PartialMessages
  /// Bytes of the piece at hand behind what has been read.
  private var behind = 0
  private var fingerprints = TLSFingerprintMaker()

  init(limits: TLSLimits = TLSLimits()) {
    self.limits = limits
    partial = PartialMessages(limit: limits.partialBytes)
  }

  /// Hellos of which a part is kept.
  var partialHellos: Int { partial.count }

  /// Takes the next bytes that a side sent.
  mutating func take(
    _ bytes: UnsafeRawBufferPointer, from side: Side, of state: inout TLSFlowState, into sink: inout some TLSSink
  ) {
    switch side {
    case .client: read(bytes, side, &state.client, &sink)
    case .server: read(bytes, side, &state.server, &sink)
    }
  }

  /// Bytes that a side sent were lost.
  mutating func skip(from side: Side, of state: inout TLSFlowState, into sink: inout some TLSSink) {
    stop(side, of: &state, .gap, &sink)
  }

  /// A side sends no more.
  mutating func finish(_ side: Side, of state: inout TLSFlowState, into sink: inout some TLSSink) {
    stop(side, of: &state, .truncated, &sink)
  }

  /// The flow is over: what is kept of it is given back.
  mutating func end(_ state: inout TLSFlowState, into sink: inout some TLSSink) {
    for side in Side.allCases { finish(side, of: &state, into: &sink) }
  }

  private mutating func stop(
    _ side: Side, of state: inout TLSFlowState, _ anomaly: TLSAnomaly, _ sink: inout some TLSSink
  ) {
    switch side {
    case .client: stop(side, &state.client, anomaly, &sink)
    case .server: stop(side, &state.server, anomaly, &sink)
    }
  }

  /// Looks at no more of a direction. What is wrong is said where it began as TLS.
  private mutating func stop(
    _ side: Side, _ direction: inout TLSDirection, _ anomaly: TLSAnomaly?, _ sink: inout some TLSSink
  ) {
    if direction.stage == .over { return }
    direction.stage = .over
    partial.remove(&direction.message)
    if let anomaly, direction.isTLS { sink.note(anomaly, from: side) }
  }

  private mutating func read(
    _ piece: UnsafeRawBufferPointer, _ side: Side, _ direction: inout TLSDirection, _ sink: inout some TLSSink
  ) {
    var position = 0
    while position < piece.count {
      switch direction.stage {
      case .over: return
      case .header:
        direction.header[Int(direction.headerCount)] = piece[position]
        direction.headerCount += 1
        position += 1
        behind = piece.count - position
        if direction.headerCount == 5 { begin(side, &direction, &sink) }
      case .payload:
        let count = min(Int(direction.remaining), piece.count - position)
        let part = UnsafeRawBufferPointer(rebasing: piece[position..<position + count])
        position += count
        behind = piece.count - position
        direction.remaining -= UInt16(count)
        if direction.isHandshake { takeHello(part, side, &direction, &sink) }
        if direction.remaining == 0, direction.stage == .payload {
          direction.stage = .header
          direction.headerCount = 0
        }
      }
    }
  }

  /// A record's header is complete.
  private mutating func begin(_ side: Side, _ direction: inout TLSDirection, _ sink: inout some TLSSink) {
    switch TLSRecordHeader(direction.header) {
    case .handshake(let length):
      direction.isHandshake = true
      direction.remaining = length
      direction.stage = .payload
    // Inside of a hello there is no place for another record (RFC 8446 5.1).
    case .alert where direction.message != 0: stop(side, &direction, .unexpectedMessage, &sink)
    case .alert(let length):
      if direction.alerts >= limits.recordsBefore { return stop(side, &direction, .tooManyRecords, &sink) }
      direction.alerts += 1
      direction.isHandshake = false
      direction.remaining = length
      direction.stage = .payload
    case .oldHello(let version) where !direction.isTLS && direction.alerts == 0:
      direction.isTLS = true
      sink.end(TLSMessage(kind: .clientHello, sender: side, version: version), behind: behind)
      stop(side, &direction, nil, &sink)
    case .invalid: stop(side, &direction, .invalidRecord, &sink)
    case .oldHello, .other: stop(side, &direction, .unexpectedMessage, &sink)
    }
  }

  /// Takes bytes of handshake records, which are the hello's: first of its header, then of as many as that says.
  private mutating func takeHello(
    _ part: UnsafeRawBufferPointer, _ side: Side, _ direction: inout TLSDirection, _ sink: inout some TLSSink
  ) {
    var rest = part[...]
    while !rest.isEmpty {
      let length = partial.length(of: direction.message)
      var wanted = TLSHello.headerBytes
      if length == 0 {
        guard TLSHello.kind(rest.first!) != nil else { return stop(side, &direction, .unexpectedMessage, &sink) }
        direction.isTLS = true
      } else if length >= TLSHello.headerBytes {
        wanted = partial.withBytes(of: direction.message, TLSHello.length)
      }
      let next = rest.prefix(wanted - length)
      rest = rest.dropFirst(next.count)
      guard wanted <= limits.messageBytes,
        partial.append(UnsafeRawBufferPointer(rebasing: next), to: &direction.message)
      else { return stop(side, &direction, .messageTooLong, &sink) }
      guard length + next.count == wanted else { continue }
      if wanted > TLSHello.headerBytes || partial.withBytes(of: direction.message, TLSHello.length) == wanted {
        behind += rest.count
        return readHello(side, &direction, &sink)
      }
    }
  }

  private mutating func readHello(_ side: Side, _ direction: inout TLSDirection, _ sink: inout some TLSSink) {
    partial.withBytes(of: direction.message) { bytes in
      let hello = TLSHello(bytes)
      let message = TLSMessage(kind: hello.kind, sender: side, version: hello.version)
      if let name = hello.serverName, hello.kind == .clientHello, limits.wants(.tlsServerName) {
        sink.take(.tlsServerName, name, of: message)
      }
      if hello.isValid {
        fingerprints.make(of: hello, limits) { buffer, text in sink.take(buffer, text, of: message) }
      } else {
        sink.note(.invalidHello, from: side)
      }
      sink.end(message, behind: behind)
    }
    stop(side, &direction, nil, &sink)
  }
}
