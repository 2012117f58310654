import MOSCore

/// What an inspector knows of one flow; whoever keeps the flow keeps this with it, and ends it with `end`.
struct DNSFlowState: BitwiseCopyable {
  fileprivate var client = DNSDirection()
  fileprivate var server = DNSDirection()

  /// Whether a message of DNS has come.
  var isDNS: Bool { client.isDNS || server.isDNS }

  /// Nothing that comes is looked at: bytes cost nothing.
  var isOver: Bool { client.isOver && server.isOver }
}

/// How far one side of a flow has been read.
struct DNSDirection: BitwiseCopyable {
  fileprivate var isDNS = false
  fileprivate var isOver = false
  /// Messages so far.
  fileprivate var count: UInt32 = 0
  /// What there is of a message of a stream, its length before it.
  fileprivate var message: PartialMessages.Place = 0
}

/// Takes the datagrams of DNS, or the bytes of its TCP streams (RFC 7766), cut anywhere, and hands the names of queries out.
///
/// It does not tell what is DNS, since any bytes may be: that does the port. A message whose header cannot be one is noted
/// and left out, and a stream that has one is not looked at any more.
struct DNSInspector: ~Copyable {
  /// The server's port for which Suricata takes a flow for DNS. Multicast DNS (5353) and LLMNR (5355) are none to it.
  static let port: UInt16 = 53

  private static let lengthBytes = 2
  private let limits: DNSLimits
  private var partial: PartialMessages
  /// Bytes of the piece at hand behind what has been read.
  private var behind = 0
  private var name = DNSName()

  init(limits: DNSLimits = DNSLimits()) {
    self.limits = limits
    partial = PartialMessages(limit: limits.partialBytes)
  }

  /// Messages of which a part is kept.
  var partialMessages: Int { partial.count }

  /// Takes a datagram that a side sent.
  mutating func take(
    datagram: UnsafeRawBufferPointer, from side: Side, of state: inout DNSFlowState, into sink: inout some DNSSink
  ) {
    behind = 0
    switch side {
    case .client: _ = read(datagram, side, &state.client, &sink)
    case .server: _ = read(datagram, side, &state.server, &sink)
    }
  }

  /// Takes the next bytes of a stream that a side sent.
  mutating func take(
    _ bytes: UnsafeRawBufferPointer, from side: Side, of state: inout DNSFlowState, into sink: inout some DNSSink
  ) {
    switch side {
    case .client: readStream(bytes, side, &state.client, &sink)
    case .server: readStream(bytes, side, &state.server, &sink)
    }
  }

  /// Bytes of a stream that a side sent were lost. What follows is taken for the beginning of a message.
  mutating func skip(from side: Side, of state: inout DNSFlowState, into sink: inout some DNSSink) {
    switch side {
    case .client: skip(side, &state.client, &sink)
    case .server: skip(side, &state.server, &sink)
    }
  }

  /// A side sends no more.
  mutating func finish(_ side: Side, of state: inout DNSFlowState, into sink: inout some DNSSink) {
    switch side {
    case .client: finish(side, &state.client, &sink)
    case .server: finish(side, &state.server, &sink)
    }
  }

  /// The flow is over: what is kept of it is given back.
  mutating func end(_ state: inout DNSFlowState, into sink: inout some DNSSink) {
    for side in Side.allCases { finish(side, of: &state, into: &sink) }
  }

  private mutating func skip(_ side: Side, _ direction: inout DNSDirection, _ sink: inout some DNSSink) {
    if direction.isOver { return }
    partial.remove(&direction.message)
    sink.note(.gap, in: DNSMessage(number: direction.count, sender: side))
  }

  private mutating func finish(_ side: Side, _ direction: inout DNSDirection, _ sink: inout some DNSSink) {
    stop(side, &direction, direction.message == 0 ? nil : .truncated, &sink)
  }

  private mutating func stop(
    _ side: Side, _ direction: inout DNSDirection, _ anomaly: DNSAnomaly?, _ sink: inout some DNSSink
  ) {
    if direction.isOver { return }
    direction.isOver = true
    partial.remove(&direction.message)
    if let anomaly { sink.note(anomaly, in: DNSMessage(number: direction.count, sender: side)) }
  }

  private mutating func readStream(
    _ piece: UnsafeRawBufferPointer, _ side: Side, _ direction: inout DNSDirection, _ sink: inout some DNSSink
  ) {
    var rest = piece[...]
    while !rest.isEmpty, !direction.isOver {
      let length = partial.length(of: direction.message)
      if length == 0, let message = Self.whole(rest) {
        rest = rest.dropFirst(Self.lengthBytes + message.count)
        behind = rest.count
        take(message, side, &direction, &sink)
        continue
      }
      let wanted =
        length < Self.lengthBytes ? Self.lengthBytes : partial.withBytes(of: direction.message, Self.wholeLength)
      let next = rest.prefix(wanted - length)
      rest = rest.dropFirst(next.count)
      behind = rest.count
      guard partial.append(UnsafeRawBufferPointer(rebasing: next), to: &direction.message) else {
        return stop(side, &direction, .noRoom, &sink)
      }
      let isComplete = partial.withBytes(of: direction.message) {
        $0.count >= Self.lengthBytes && $0.count == Self.wholeLength($0)
      }
      guard isComplete else { continue }
      partial.take(&direction.message).withUnsafeBytes { bytes in
        take(UnsafeRawBufferPointer(rebasing: bytes[Self.lengthBytes...]), side, &direction, &sink)
      }
    }
  }

  /// The first message of the bytes, if all of it is there.
  private static func whole(_ bytes: Slice<UnsafeRawBufferPointer>) -> UnsafeRawBufferPointer? {
    let bytes = UnsafeRawBufferPointer(rebasing: bytes)
    guard bytes.count >= lengthBytes, bytes.count >= wholeLength(bytes) else { return nil }
    return UnsafeRawBufferPointer(rebasing: bytes[lengthBytes..<wholeLength(bytes)])
  }

  private static func wholeLength(_ bytes: UnsafeRawBufferPointer) -> Int {
    lengthBytes + Int(bytes[0]) << 8 + Int(bytes[1])
  }

  /// A message of a stream. Empty ones mean nothing.
  private mutating func take(
    _ message: UnsafeRawBufferPointer, _ side: Side, _ direction: inout DNSDirection, _ sink: inout some DNSSink
  ) {
    if message.isEmpty { return }
    if !read(message, side, &direction, &sink) { stop(side, &direction, nil, &sink) }
  }

  /// Returns whether it is a message.
  private mutating func read(
    _ bytes: UnsafeRawBufferPointer, _ side: Side, _ direction: inout DNSDirection, _ sink: inout some DNSSink
  ) -> Bool {
    var message = DNSMessage(number: direction.count, sender: side)
    guard let header = DNSHeader(bytes) else {
      sink.note(.notDNS, in: message)
      return false
    }
    direction.isDNS = true
    direction.count &+= 1
    message.isResponse = header.isResponse
    if !header.isResponse { readQuestions(header.questions, bytes, message, &sink) }
    sink.end(message, behind: behind)
    return true
  }

  private mutating func readQuestions(
    _ count: Int, _ bytes: UnsafeRawBufferPointer, _ message: DNSMessage, _ sink: inout some DNSSink
  ) {
    var position = DNSHeader.length
    for index in 0..<count {
      if index == limits.questions { return sink.note(.tooManyQuestions, in: message) }
      name.read(bytes, at: position, limits)
      switch name.fault {
      case .malformed?: return sink.note(.malformed, in: message)
      case .tooManyLabels?: sink.note(.tooManyLabels, in: message)
      case nil: if name.isCut { sink.note(.nameTooLong, in: message) }
      }
      name.text.withUnsafeBytes { sink.take(.dnsQuery, $0, of: message) }
      // Behind the name its type and class.
      guard let end = name.end, bytes.count - end >= 4 else { return sink.note(.malformed, in: message) }
      position = end + 4
    }
  }
}

/// The header of a message (RFC 1035 4.1.1).
struct DNSHeader {
  static let length = 12

  let isResponse: Bool
  let questions: Int

  /// Nil for what cannot be one: it is too short, a query asks nothing, or there are more than half as many questions and
  /// records as bytes. Counts that lie less are let pass, since there are servers that do not mind.
  init?(_ message: UnsafeRawBufferPointer) {
    var reader = WireReader(message)
    guard reader.number16() != nil, let flags = reader.number16(), let questions = reader.number16(),
      let answers = reader.number16(), let authorities = reader.number16(), let additions = reader.number16()
    else { return nil }
    isResponse = flags & 0x8000 != 0
    self.questions = Int(questions)
    if !isResponse && questions == 0 { return nil }
    let counts = Int(questions) + Int(answers) + Int(authorities) + Int(additions)
    if message.count < 2 * counts { return nil }
  }
}
