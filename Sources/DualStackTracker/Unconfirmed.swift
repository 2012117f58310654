import MOSCore
import MTCP

/// What was seen of a connection and counts only if the other end confirms it. Few connections have any, so it lies in a
/// slab of its own, from the first such packet to the connection's end.
struct Unconfirmed: BitwiseCopyable {
  /// Text that the receiver may or may not take.
  var doubted = DoubtedText()
  /// A SYN that begins a new connection on the same addresses and ports if the peer answers it.
  var candidate = CandidateSYN()
  /// The ISN of a further SYN-ACK, when `hasOtherAnswer`: the client's acknowledgment says which one counts.
  var otherAnswer = SequenceNumber(0)
  var hasOtherAnswer = false
  /// Whether `farStart` and `farEnd` (text beyond the window, of `farSide`) or `farAcknowledgment` (of `farSide`) are set.
  var hasFarText = false
  var hasFarAcknowledgment = false
  var farSide: Side = .client
  var farStart = SequenceNumber(0)
  var farEnd = SequenceNumber(0)

  init() {}

  /// `side` acknowledged bytes up to `sequence`, which did not pass here, or not yet.
  mutating func noteFarAcknowledgment(_ sequence: SequenceNumber, _ side: Side) {
    hasFarText = false
    hasFarAcknowledgment = true
    farSide = side
    farStart = sequence
  }

  /// Whether `side` acknowledged exactly the bytes up to `sequence` ahead of them.
  func hasFarAcknowledgment(of sequence: SequenceNumber, by side: Side) -> Bool {
    hasFarAcknowledgment && farSide == side && farStart == sequence
  }
}

/// Segments of one direction that are kept until the receiver shows whether it took them.
struct DoubtedText: BitwiseCopyable {
  /// The side that receives them.
  var side: Side = .client
  /// Whether one of them had a FIN, at `finSequence`.
  var hasFIN = false
  var finSequence = SequenceNumber(0)
  var buffer = ReceiveBuffer()
}

/// A SYN for an end that is past LISTEN, with another ISN than the connection's.
struct CandidateSYN: BitwiseCopyable {
  var isSet = false
  var side: Side = .client
  var windowScale: UInt8 = 255
  var hasTimestamp = false
  var permitsSACK = false
  var window: UInt16 = 0
  /// How often it was sent.
  var packets: UInt16 = 0
  var sequence = SequenceNumber(0)
  var timestampValue: UInt32 = 0
  var ipBytes: UInt32 = 0
  /// Number and time of the first packet that carried it.
  var number: UInt64 = 0
  var time = Timestamp(nanoseconds: 0)
}

extension Tracker {
  /// The connection's unconfirmed state, begun if there is none; nil when the slab is full.
  mutating func unconfirmedState(
    of connection: UnsafeMutablePointer<Connection>
  ) -> UnsafeMutablePointer<Unconfirmed>? {
    if connection.pointee.unconfirmed == 0 {
      let index = unconfirmed.allocate()
      if index == 0 { return nil }
      unconfirmed.pointer(index).initialize(to: Unconfirmed())
      connection.pointee.unconfirmed = index
    }
    return unconfirmed.pointer(connection.pointee.unconfirmed)
  }

  /// Gives the connection's unconfirmed state back.
  mutating func releaseUnconfirmed(_ connection: UnsafeMutablePointer<Connection>) {
    guard connection.pointee.unconfirmed != 0 else { return }
    unconfirmed.pointer(connection.pointee.unconfirmed).pointee.doubted.buffer.dropQueued(pool: &pool)
    unconfirmed.free(connection.pointee.unconfirmed)
    connection.pointee.unconfirmed = 0
  }

  /// A SYN with another ISN than the connection's: the start of a new one, if the peer answers it.
  @inline(never)
  mutating func noteCandidate(
    _ packet: UnsafePointer<DecodedPacket>, side: Side, connection: UnsafeMutablePointer<Connection>
  ) {
    guard let state = unconfirmedState(of: connection) else { return }
    let sequence = SequenceNumber(packet.pointee.sequence)
    if !state.pointee.candidate.isSet || state.pointee.candidate.sequence != sequence
      || state.pointee.candidate.side != side
    {
      var candidate = CandidateSYN()
      candidate.isSet = true
      candidate.side = side
      candidate.sequence = sequence
      candidate.window = packet.pointee.window
      candidate.windowScale = current.options.windowScale
      candidate.hasTimestamp = current.options.hasTimestamp
      candidate.timestampValue = current.options.timestampValue
      candidate.permitsSACK = current.options.sackPermitted
      candidate.number = packet.pointee.number
      candidate.time = packet.pointee.timestamp
      state.pointee.candidate = candidate
    }
    state.pointee.candidate.packets &+= 1
    state.pointee.candidate.ipBytes &+= packet.pointee.ipLength
  }

  /// Whether `packet`, a SYN-ACK of `side`, answers the connection's candidate.
  mutating func answersCandidate(
    _ packet: UnsafePointer<DecodedPacket>, side: Side, connection: UnsafeMutablePointer<Connection>
  ) -> Bool {
    guard connection.pointee.unconfirmed != 0 else { return false }
    let candidate = unconfirmed.pointer(connection.pointee.unconfirmed).pointee.candidate
    return candidate.isSet && candidate.side == side.peer
      && packet.pointee.acknowledgment == (candidate.sequence + 1).rawValue
  }

  /// Begins `flow`, whose first packet is the SYN-ACK, as if it had begun with the candidate that this answers.
  mutating func begin(_ flow: UInt32, with candidate: CandidateSYN) {
    let record = records.pointer(flow)
    record.pointee.firstPacket = candidate.number
    record.pointee.firstTimestamp = candidate.time
    let counters = record.counters(.client)
    counters.pointee.packets = UInt64(candidate.packets)
    counters.pointee.ipBytes = UInt64(candidate.ipBytes)
    counters.pointee.observed = .synSent
    counters.pointee.letters = .syn
    record.pointee.history = History()
    record.pointee.history.append(0x53)
    record.pointee.traits.remove(.flipped)
    let connection = connections.pointer(record.pointee.connection)
    let client = connection.endpoint(.client)
    client.pointee.observed.begin(at: candidate.sequence, counters)
    client.pointee.observed.extend(to: candidate.sequence + 1, counters)
    client.pointee.observed.lastSYN = UInt16(truncatingIfNeeded: candidate.sequence.rawValue)
    client.pointee.state = .synSent
    counters.pointee.state = TCPState.synSent.rawValue
    client.pointee.iss = candidate.sequence
    client.pointee.sndNxt = candidate.sequence + 1
    client.pointee.sndUna = candidate.sequence + 1
    client.pointee.maximumWindow = UInt32(candidate.window)
    client.pointee.knows.insert([.syn, .seen, .sequence])
    if candidate.windowScale != 255 {
      client.pointee.windowShift = candidate.windowScale
      client.pointee.knows.insert(.windowScale)
    }
    if candidate.permitsSACK { client.pointee.knows.insert(.sack) }
    let server = connection.endpoint(.server)
    server.pointee.state = .listen
    server.pointee.rcvNxt = candidate.sequence + 1
    server.pointee.knows.insert(.expected)
    if candidate.hasTimestamp {
      client.pointee.knows.insert(.timestamps)
      server.pointee.timestampRecent = candidate.timestampValue
      server.pointee.timestampAge = Endpoint.hours(candidate.time)
      server.pointee.knows.insert(.timestampRecent)
    }
  }
}
