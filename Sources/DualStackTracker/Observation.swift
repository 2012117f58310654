import MOSCore
import MTCP

/// The stream that an end sends, as an observer without a TCP of its own sees it: the ground of Zeek's byte counts and
/// history.
///
/// The highest number sent or acknowledged, counted from `start`, is in `EndpointCounters.streamBytes` until the flow ends.
struct ObservedStream: BitwiseCopyable {
  /// The first number, that of the SYN or one before the first byte.
  var start = SequenceNumber(0)
  // The lower halves of the numbers last seen, which tell a repeated segment from another one well enough for a letter.
  var lastSYN: UInt16 = 0
  var lastFIN: UInt16 = 0
  var lastRST: UInt16 = 0
  var checksumErrors: UInt16 = 0
  var retransmissions: UInt16 = 0
  var gaps: UInt16 = 0
  /// Whether `start` is set.
  var isStarted = false
  /// Whether the end sent a FIN.
  var hasFIN = false

  init() {}

  /// Where the stream starts; a SYN says it surely.
  mutating func begin(at sequence: SequenceNumber, _ counters: UnsafeMutablePointer<EndpointCounters>) {
    start = sequence
    counters.pointee.streamBytes = 0
    isStarted = true
  }

  /// The signed distance of `sequence` from the highest number so far.
  @inline(__always) func distance(
    of sequence: SequenceNumber, _ counters: UnsafeMutablePointer<EndpointCounters>
  ) -> Int32 {
    sequence.distance(from: start + UInt32(truncatingIfNeeded: counters.pointee.streamBytes))
  }

  /// Takes note that numbers below `end` were sent or acknowledged. A jump back is nothing new.
  @inline(__always) func extend(to end: SequenceNumber, _ counters: UnsafeMutablePointer<EndpointCounters>) {
    let ahead = distance(of: end, counters)
    if ahead > 0 { counters.pointee.streamBytes &+= UInt64(ahead) }
  }

  /// Stream bytes, without SYN and FIN, in place of the highest number.
  func finish(_ counters: UnsafeMutablePointer<EndpointCounters>) {
    if counters.pointee.streamBytes > 0 { counters.pointee.streamBytes -= 1 }
    if hasFIN, counters.pointee.streamBytes > 0 { counters.pointee.streamBytes -= 1 }
  }
}

/// Follows Zeek's endpoint states and history letters.
///
/// Zeek looks at what was sent and not at what the peer's stack makes of it, so this stands beside the tracker's own
/// state machines and never decides what they take.
enum Observer {
  /// Sequence number jumps beyond this are not believed on SYN and RST, as in Zeek.
  static let largestJump: Int32 = 1_048_576

  /// A letter that is written on its 1st, 10th, 100th ... occurrence.
  @inline(never)
  static func scaled(_ count: inout UInt16, _ letter: UInt8, _ side: Side, _ history: inout History) {
    guard count < .max else { return }
    count += 1
    switch count {
    case 1, 10, 100, 1_000, 10_000: history.append(cased(letter, side))
    default: break
    }
  }

  /// A letter in upper case for the client and in lower case for the server.
  @inline(__always) static func cased(_ letter: UInt8, _ side: Side) -> UInt8 {
    side == .client ? letter : letter | 0x20
  }

  /// Writes what `packet` adds to the history, and moves the states of both ends.
  ///
  /// `connection` is nil once the flow is closed.
  @inline(__always)
  static func observe(
    _ packet: UnsafePointer<DecodedPacket>, from side: Side, record: UnsafeMutablePointer<FlowRecord>,
    connection: UnsafeMutablePointer<Connection>?
  ) {
    let own = record.counters(side)
    if let connection, packet.pointee.flags.rawValue & 0x17 == 0x10, packet.pointee.window != 0,
      own.pointee.observed == .established, record.counters(side.peer).pointee.observed == .established
    {
      observePlain(packet, own: own, side: side, record: record, connection: connection)
    } else {
      observeOther(packet, from: side, record: record, connection: connection)
    }
  }

  @inline(never)
  private static func observeOther(
    _ packet: UnsafePointer<DecodedPacket>, from side: Side, record: UnsafeMutablePointer<FlowRecord>,
    connection: UnsafeMutablePointer<Connection>?
  ) {
    let own = record.counters(side)
    let peer = record.counters(side.peer)
    let flags = packet.pointee.flags
    let length = packet.pointee.payloadWireLength
    if let connection {
      observeSequence(packet, own: own, peer: peer, side: side, record: record, connection: connection)
    }
    if flags.rawValue & 0x7 == 0 {
      if length > 0 {
        note(.data, 0x44, side, own, record)
      } else if flags.contains(.ack) {
        note(.ack, 0x41, side, own, record)
      }
      if own.pointee.observed == .inactive {
        move(packet, own: own, peer: peer, side: side)
      }
      return
    }
    observeControl(packet, own: own, side: side, record: record, connection: connection)
    move(packet, own: own, peer: peer, side: side)
  }

  /// The same for a client's first SYN, and for the SYN-ACK that answers it (`Tracker.takeSyn`, `takeSynAck`).
  @inline(__always)
  static func observeOpening(
    _ packet: UnsafePointer<DecodedPacket>, own: UnsafeMutablePointer<EndpointCounters>, side: Side,
    record: UnsafeMutablePointer<FlowRecord>, sender: UnsafeMutablePointer<Endpoint>
  ) {
    let sequence = SequenceNumber(packet.pointee.sequence)
    sender.pointee.observed.begin(at: sequence, own)
    own.pointee.streamBytes = 1
    sender.pointee.observed.lastSYN = UInt16(truncatingIfNeeded: sequence.rawValue)
    if side == .client {
      own.pointee.letters = .syn
      record.pointee.history.append(0x53)
      own.pointee.observed = .synSent
    } else {
      own.pointee.letters = .synAck
      record.pointee.history.append(0x68)
      own.pointee.observed = .established
      record.pointee.client.observedBefore = .synSent
      record.pointee.client.observed = .established
    }
  }

  /// Data or a pure ACK on an established connection: what `observe` comes to for most packets.
  @inline(__always)
  private static func observePlain(
    _ packet: UnsafePointer<DecodedPacket>, own: UnsafeMutablePointer<EndpointCounters>, side: Side,
    record: UnsafeMutablePointer<FlowRecord>, connection: UnsafeMutablePointer<Connection>
  ) {
    let length = packet.pointee.payloadWireLength
    let stream = connection.endpoint(side)
    let ahead = stream.pointee.observed.distance(of: SequenceNumber(packet.pointee.sequence) + length, own)
    if ahead > 0 {
      own.pointee.streamBytes &+= UInt64(ahead)
    } else if length > 0 {
      scaled(&stream.pointee.observed.retransmissions, 0x54, side, &record.pointee.history)
    }
    if length > 0 { note(.data, 0x44, side, own, record) } else { note(.ack, 0x41, side, own, record) }
    if connection.pointee.traits.contains(.translated) { return }
    let other = connection.endpoint(side.peer)
    let peer = record.counters(side.peer)
    let acknowledged = other.pointee.observed.distance(of: SequenceNumber(packet.pointee.acknowledgment), peer)
    if acknowledged > 0, packet.pointee.acknowledgment != 0 || acknowledged <= largestJump {
      peer.pointee.streamBytes &+= UInt64(acknowledged)
    }
  }

  /// An acknowledgment between ends that are in step.
  @inline(__always)
  static func noteAcknowledgment(
    _ side: Side, _ own: UnsafeMutablePointer<EndpointCounters>, _ record: UnsafeMutablePointer<FlowRecord>
  ) {
    note(.ack, 0x41, side, own, record)
  }

  /// `length` bytes of text between ends that are in step.
  @inline(__always)
  static func noteText(
    _ length: UInt32, _ side: Side, _ own: UnsafeMutablePointer<EndpointCounters>,
    _ record: UnsafeMutablePointer<FlowRecord>
  ) {
    own.pointee.streamBytes &+= UInt64(length)
    note(.data, 0x44, side, own, record)
  }

  /// An end's first FIN, behind `length` bytes of text, between ends that are in step.
  @inline(__always)
  static func noteFin(
    at sequence: SequenceNumber, _ length: UInt32, _ side: Side, _ record: UnsafeMutablePointer<FlowRecord>,
    _ sender: UnsafeMutablePointer<Endpoint>
  ) {
    let own = record.counters(side)
    own.pointee.streamBytes &+= UInt64(length) &+ 1
    sender.pointee.observed.hasFIN = true
    sender.pointee.observed.lastFIN = UInt16(truncatingIfNeeded: sequence.rawValue)
    own.pointee.letters.insert(.fin)
    record.pointee.history.append(cased(0x46, side))
    own.pointee.observedBefore = .established
    own.pointee.observed = .closed
  }

  @inline(__always)
  private static func note(
    _ letter: HistoryLetters, _ code: UInt8, _ side: Side, _ own: UnsafeMutablePointer<EndpointCounters>,
    _ record: UnsafeMutablePointer<FlowRecord>
  ) {
    if own.pointee.letters.rawValue & letter.rawValue != 0 { return }
    own.pointee.letters.rawValue |= letter.rawValue
    record.pointee.history.append(cased(code, side))
  }

  /// SYN, FIN and RST are written again when their sequence number is another one.
  @inline(never)
  private static func observeControl(
    _ packet: UnsafePointer<DecodedPacket>, own: UnsafeMutablePointer<EndpointCounters>, side: Side,
    record: UnsafeMutablePointer<FlowRecord>, connection: UnsafeMutablePointer<Connection>?
  ) {
    let flags = packet.pointee.flags
    if (flags.rawValue & 0x7).nonzeroBitCount > 1 {
      let both = flags.contains(.fin) && flags.contains(.rst)
      note(both ? .finRst : .multipleFlags, both ? 0x49 : 0x51, side, own, record)
      return
    }
    let sequence = SequenceNumber(packet.pointee.sequence)
    let low = UInt16(truncatingIfNeeded: packet.pointee.sequence)
    let stream = connection.map { $0.endpoint(side) }
    if flags.contains(.syn) {
      let letter: HistoryLetters = flags.contains(.ack) ? .synAck : .syn
      let code: UInt8 = flags.contains(.ack) ? 0x48 : 0x53
      if own.pointee.letters.contains(letter), let stream, stream.pointee.observed.lastSYN != low {
        record.pointee.history.append(cased(code, side))
      }
      note(letter, code, side, own, record)
      stream?.pointee.observed.lastSYN = low
    } else if flags.contains(.fin) {
      let low = UInt16(truncatingIfNeeded: (sequence + packet.pointee.payloadWireLength).rawValue)
      if own.pointee.letters.contains(.fin), let stream, stream.pointee.observed.lastFIN != low {
        record.pointee.history.append(cased(0x46, side))
      }
      note(.fin, 0x46, side, own, record)
      stream?.pointee.observed.lastFIN = low
    } else {
      if own.pointee.letters.contains(.rst), let stream, stream.pointee.observed.lastRST != low {
        record.pointee.history.append(cased(0x52, side))
      }
      note(.rst, 0x52, side, own, record)
      stream?.pointee.observed.lastRST = low
    }
  }

  /// Byte counts by sequence numbers, and the letters T and W.
  @inline(never)
  private static func observeSequence(
    _ packet: UnsafePointer<DecodedPacket>, own: UnsafeMutablePointer<EndpointCounters>,
    peer: UnsafeMutablePointer<EndpointCounters>, side: Side, record: UnsafeMutablePointer<FlowRecord>,
    connection: UnsafeMutablePointer<Connection>
  ) {
    let flags = packet.pointee.flags
    let sequence = SequenceNumber(packet.pointee.sequence)
    let acknowledgment = SequenceNumber(packet.pointee.acknowledgment)
    let endpoint = connection.endpoint(side)
    let other = connection.endpoint(side.peer)
    // A RST's payload is no part of the stream.
    var length = flags.contains(.rst) ? 0 : packet.pointee.payloadWireLength
    if flags.rawValue & 0x7 != 0 {
      if flags.contains(.syn) { length &+= 1 }
      if flags.contains(.fin) {
        length &+= 1
        endpoint.pointee.observed.hasFIN = true
      }
    }
    let end = sequence + length
    if own.pointee.observed == .inactive {
      if !endpoint.pointee.observed.isStarted || flags.contains(.syn) {
        endpoint.pointee.observed.begin(at: flags.contains(.syn) ? sequence : sequence - 1, own)
      }
      endpoint.pointee.observed.extend(to: end, own)
    } else if flags.contains(.syn), sequence != endpoint.pointee.observed.start,
      own.pointee.observed == .synSent || own.pointee.observed == .synAckSent
        || own.pointee.observed == .partial
    {
      endpoint.pointee.observed.begin(at: sequence, own)
      endpoint.pointee.observed.extend(to: end, own)
    } else if own.pointee.observed != .reset {
      let ahead = endpoint.pointee.observed.distance(of: end, own)
      if flags.rawValue & 0x6 != 0, ahead > largestJump || ahead < -largestJump {
        // Not believed.
      } else if ahead > 0 {
        own.pointee.streamBytes &+= UInt64(ahead)
      } else if packet.pointee.payloadWireLength > 0, !flags.contains(.rst) {
        scaled(&endpoint.pointee.observed.retransmissions, 0x54, side, &record.pointee.history)
      }
    }
    if flags.contains(.ack), !connection.pointee.traits.contains(.translated) {
      if !other.pointee.observed.isStarted {
        other.pointee.observed.begin(at: acknowledgment - 1, peer)
      } else if !flags.contains(.rst) {
        let ahead = other.pointee.observed.distance(of: acknowledgment, peer)
        if ahead > 0, !(packet.pointee.acknowledgment == 0 && ahead > largestJump) {
          peer.pointee.streamBytes &+= UInt64(ahead)
        }
      }
    }
    if packet.pointee.window == 0, !flags.contains(.rst), peer.pointee.observed != .closed,
      own.pointee.observed != .reset
    {
      scaled(&endpoint.pointee.zeroWindows, 0x57, side, &record.pointee.history)
    }
  }

  private static func set(_ state: ObservedState, _ counters: UnsafeMutablePointer<EndpointCounters>) {
    if counters.pointee.observed == state { return }
    counters.pointee.observedBefore = counters.pointee.observed
    counters.pointee.observed = state
  }

  /// The endpoint's next state; only control flags, and an end's first packet, change one.
  @inline(never)
  private static func move(
    _ packet: UnsafePointer<DecodedPacket>, own: UnsafeMutablePointer<EndpointCounters>,
    peer: UnsafeMutablePointer<EndpointCounters>, side: Side
  ) {
    let flags = packet.pointee.flags
    switch own.pointee.observed {
    case .inactive:
      if flags.contains(.syn) {
        if side == .client {
          set(flags.contains(.ack) ? .synAckSent : .synSent, own)
        } else {
          if peer.pointee.observed == .synSent { set(.established, peer) }
          set(.established, own)
        }
      }
      if flags.contains(.fin) { set(.closed, own) }
      if flags.contains(.rst) { set(.reset, own) }
      if own.pointee.observed == .inactive {
        // Some stacks acknowledge a SYN before they answer it.
        if side == .server, packet.pointee.payloadWireLength == 0, peer.pointee.observed == .synSent { return }
        set(flags.contains(.ack) && peer.pointee.observed == .established ? .established : .partial, own)
      }
    case .synSent, .synAckSent:
      if flags.contains(.fin) { set(.closed, own) }
      if flags.contains(.rst) { set(.reset, own) }
    case .partial, .established:
      if flags.contains(.syn), own.pointee.observed == .partial, peer.pointee.observed == .inactive,
        !flags.contains(.ack)
      {
        set(.synSent, own)
      }
      if flags.contains(.fin), !flags.contains(.rst) {
        set(.closed, own)
        if peer.pointee.observed == .reset, peer.pointee.observedBefore == .closed { set(.closed, peer) }
      }
      if flags.contains(.rst) { set(.reset, own) }
    case .closed:
      if flags.contains(.rst), peer.pointee.observed != .closed { set(.reset, own) }
    case .reset:
      break
    }
  }
}
