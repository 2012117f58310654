import MOSCore
import MTCP

/// What the receiver's stack will make of a segment, told from both ends' state before either is changed.
struct Judgement: BitwiseCopyable {
  /// The ways in which a segment is looked at.
  enum Course: UInt8, BitwiseCopyable {
    /// Nothing of it is taken.
    case ignore = 0
    /// SYN of a new connection.
    case open
    /// SYN-ACK (or a SYN that crossed the peer's own) for an end in SYN_SENT.
    case answer
    /// A RST that ends the connection.
    case reset
    /// Acknowledgment, data and FIN are looked at.
    case process
    /// As `process`, but the text is kept until the receiver shows whether it took it.
    case doubt
  }

  var course: Course = .ignore
  /// Why it is not taken as it stands.
  var anomaly: Anomaly?
  /// A segment that was sent before.
  var repeats: RetransmissionKind?
  /// The acknowledgment field can be believed.
  var acknowledges = false

  init() {}

  init(_ course: Course, _ anomaly: Anomaly? = nil) {
    self.course = course
    self.anomaly = anomaly
  }
}

extension Tracker {
  /// The course of `packet`, which `sender` sends to `receiver`, by the rules of RFC 9293 3.10.7 with RFC 5961 and
  /// RFC 7323 as Linux applies them.
  @inline(__always)
  mutating func judge(
    _ packet: UnsafePointer<DecodedPacket>, sender: UnsafeMutablePointer<Endpoint>,
    receiver: UnsafeMutablePointer<Endpoint>
  ) -> Judgement {
    let flags = packet.pointee.flags
    // The common case first: only ACK and PSH, between ends that have come past the handshake.
    if flags.rawValue & 0x17 == 0x10, receiver.pointee.state.rawValue >= TCPState.synReceived.rawValue,
      !current.options.hasMD5
    {
      return judgeSegment(packet, sender: sender, receiver: receiver)
    }
    return judgeControl(packet, sender: sender, receiver: receiver)
  }

  /// The same for segments with SYN, FIN or RST, without ACK, or for an end that is not past the handshake.
  @inline(never)
  private mutating func judgeControl(
    _ packet: UnsafePointer<DecodedPacket>, sender: UnsafeMutablePointer<Endpoint>,
    receiver: UnsafeMutablePointer<Endpoint>
  ) -> Judgement {
    let flags = packet.pointee.flags
    if current.options.hasMD5, configuration.dropsUnsolicitedMD5, sender.pointee.knows.contains(.seen),
      !sender.pointee.knows.contains(.signs)
    {
      return Judgement(.ignore, flags.contains(.rst) ? .resetWithMD5 : .md5Unsolicited)
    }
    if flags.contains(.syn), flags.contains(.fin) || flags.contains(.rst) {
      return Judgement(.ignore, .tcpFlagsInvalid)
    }
    switch receiver.pointee.state {
    case .closed, .listen:
      if flags.contains(.rst) { return Judgement(sender.pointee.knows.contains(.seen) ? .ignore : .reset) }
      if flags.contains(.syn) { return Judgement(flags.contains(.ack) ? .answer : .open) }
      return judgeSegment(packet, sender: sender, receiver: receiver)
    case .synSent:
      return judgeInSynSent(packet, sender: sender, receiver: receiver)
    default:
      if flags.contains(.rst) { return judgeReset(packet, sender: sender, receiver: receiver) }
      if flags.contains(.syn) { return judgeSyn(packet, sender: sender, receiver: receiver) }
      return judgeSegment(packet, sender: sender, receiver: receiver)
    }
  }

  /// RFC 9293 3.10.7.3.
  @inline(never)
  private mutating func judgeInSynSent(
    _ packet: UnsafePointer<DecodedPacket>, sender: UnsafeMutablePointer<Endpoint>,
    receiver: UnsafeMutablePointer<Endpoint>
  ) -> Judgement {
    let flags = packet.pointee.flags
    let acknowledgment = SequenceNumber(packet.pointee.acknowledgment)
    let acceptable =
      flags.contains(.ack) && acknowledgment > receiver.pointee.iss && acknowledgment <= receiver.pointee.sndNxt
    if flags.contains(.rst) {
      if acceptable { return Judgement(.reset) }
      return Judgement(.ignore, .resetOutsideWindow)
    }
    if flags.contains(.syn) {
      if !flags.contains(.ack) { return Judgement(.answer) }
      return acceptable ? Judgement(.answer) : Judgement(.ignore, .synAckUnexpected)
    }
    // An end that has not answered the SYN yet sends nothing else, unless its answer was not seen here.
    let length = packet.pointee.payloadLength
    if acceptable, length > 0 || flags.contains(.fin) {
      return judgeAfterUnseenAnswer(packet)
    }
    return Judgement(.ignore)
  }

  /// The SYN-ACK was lost to the capture: what follows it says where the stream is.
  private mutating func judgeAfterUnseenAnswer(_ packet: UnsafePointer<DecodedPacket>) -> Judgement {
    var judgement = Judgement(.process)
    judgement.acknowledges = true
    return judgement
  }

  /// RFC 5961 3.2: exact resets, in the window is challenged, outside is ignored.
  @inline(never)
  private mutating func judgeReset(
    _ packet: UnsafePointer<DecodedPacket>, sender: UnsafeMutablePointer<Endpoint>,
    receiver: UnsafeMutablePointer<Endpoint>
  ) -> Judgement {
    let sequence = SequenceNumber(packet.pointee.sequence)
    guard receiver.pointee.knows.contains(.expected) else { return Judgement(.reset) }
    let expected = receiver.pointee.rcvNxt
    if sequence == expected { return Judgement(.reset) }
    if receiver.pointee.knows.contains(.acknowledgedUnseen), sequence == receiver.pointee.acknowledged {
      return Judgement(.reset)
    }
    // A stack that resets after its FIN may not count the FIN, and Linux takes that.
    if sequence == expected - 1, receiver.pointee.knows.contains(.finReceived),
      receiver.pointee.state == .closeWait || receiver.pointee.state == .lastAck || receiver.pointee.state == .closing
    {
      return Judgement(.reset)
    }
    // With selective acknowledgment a RST behind the queued bytes is exact as well.
    if receiver.pointee.receive.hasQueued, mayUseSACK(sender, receiver),
      sequence == (current.numbersDiffer ? receiver.pointee.receive.lastQueued(pool: pool) : sender.pointee.sndNxt)
    {
      return Judgement(.reset)
    }
    guard receiver.pointee.knows.contains(.window) else { return Judgement(.reset) }
    let window = UInt32(max(0, receiver.pointee.rcvEdge.distance(from: expected)))
    switch SegmentAcceptability.resetDecision(sequence: sequence, rcvNxt: expected, rcvWindow: window) {
    case .accept: return Judgement(.reset)
    case .challenge: return Judgement(.ignore, .resetNotExact)
    case .ignore: return Judgement(.ignore, .resetOutsideWindow)
    }
  }

  /// Whether both ends permitted selective acknowledgment, where their SYNs were seen.
  private mutating func mayUseSACK(_ one: UnsafeMutablePointer<Endpoint>, _ other: UnsafeMutablePointer<Endpoint>)
    -> Bool
  {
    let relevant: EndpointTraits = [.syn, .sack]
    return one.pointee.knows.intersection(relevant) != .syn && other.pointee.knows.intersection(relevant) != .syn
  }

  /// A SYN for an end that is past SYN_SENT: repeated, or challenged (RFC 5961 4).
  @inline(never)
  private mutating func judgeSyn(
    _ packet: UnsafePointer<DecodedPacket>, sender: UnsafeMutablePointer<Endpoint>,
    receiver: UnsafeMutablePointer<Endpoint>
  ) -> Judgement {
    let flags = packet.pointee.flags
    if sender.pointee.knows.contains(.syn), packet.pointee.sequence == sender.pointee.iss.rawValue {
      // Simultaneous open: the SYN is sent again, with the acknowledgment of the peer's.
      if flags.contains(.ack), receiver.pointee.state == .synReceived,
        packet.pointee.acknowledgment == (receiver.pointee.iss + 1).rawValue, receiver.pointee.knows.contains(.syn)
      {
        return Judgement(.answer)
      }
      var judgement = Judgement(.ignore)
      judgement.repeats = flags.contains(.ack) ? .synAck : .syn
      return judgement
    }
    // The peer's SYN was not seen: this end's answer, or the SYN itself after a later packet, still tells its ISN.
    if !sender.pointee.knows.contains(.seen), flags.contains(.ack) { return Judgement(.answer) }
    // Another answer before the client has acknowledged one.
    if flags.contains(.ack), sender.pointee.state == .synReceived, receiver.pointee.state == .established,
      packet.pointee.acknowledgment == receiver.pointee.sndUna.rawValue
    {
      return Judgement(.answer)
    }
    let answered = receiver.pointee.state == .synReceived || receiver.pointee.state == .established
    return Judgement(.ignore, answered && !flags.contains(.ack) ? .synRetransmitWithOtherISN : .synOnConnection)
  }

  /// RFC 9293 3.10.7.4 for a segment without SYN and RST: timestamp, sequence, ACK bit, acknowledgment.
  @inline(__always)
  private mutating func judgeSegment(
    _ packet: UnsafePointer<DecodedPacket>, sender: UnsafeMutablePointer<Endpoint>,
    receiver: UnsafeMutablePointer<Endpoint>
  ) -> Judgement {
    let flags = packet.pointee.flags
    guard flags.contains(.ack) else {
      return Judgement(.ignore, packet.pointee.payloadLength > 0 ? .dataWithoutAck : .tcpFlagsInvalid)
    }
    if current.options.hasTimestamp, isTimestampOld(packet, receiver: receiver) {
      // Where segments overtook each other the receiver can have taken it all the same: its TS.Recent is not known for sure
      // while acknowledgments are under way, and Linux takes what is older by one tick of the sender's clock.
      let end = SequenceNumber(packet.pointee.sequence) + packet.pointee.payloadWireLength
      guard packet.pointee.payloadLength > 0, receiver.pointee.knows.contains(.expected), end > receiver.pointee.rcvNxt,
        sender.pointee.knows.contains(.sequence), end <= sender.pointee.sndNxt,
        judgeNumbers(packet, sender: sender, receiver: receiver).course == .process
      else { return Judgement(.ignore, .timestampOld) }
      return Judgement(.doubt, .timestampOld)
    }
    return judgeNumbers(packet, sender: sender, receiver: receiver)
  }

  /// The same but for the timestamp.
  @inline(__always)
  private mutating func judgeNumbers(
    _ packet: UnsafePointer<DecodedPacket>, sender: UnsafeMutablePointer<Endpoint>,
    receiver: UnsafeMutablePointer<Endpoint>
  ) -> Judgement {
    var judgement = Judgement(.process)
    let sequence = SequenceNumber(packet.pointee.sequence)
    if receiver.pointee.knows.rawValue & EndpointTraits.windowAndExpected == EndpointTraits.windowAndExpected {
      let edge = SequenceNumber.later(receiver.pointee.rcvEdge, receiver.pointee.rcvNxt)
      if sequence + packet.pointee.payloadLength >= edge {
        judgement = judgeAtEdge(packet, sequence: sequence, edge: edge, receiver: receiver)
        if judgement.course == .ignore { return judgement }
      }
    }
    // The acknowledgment, against what the receiver has sent.
    judgement.acknowledges = true
    guard receiver.pointee.knows.contains(.sequence) else { return judgement }
    let acknowledgment = SequenceNumber(packet.pointee.acknowledgment)
    if acknowledgment > receiver.pointee.sndNxt {
      return judgeUnseenAcknowledgment(packet, sender: sender, receiver: receiver)
    }
    if receiver.pointee.state == .synReceived, acknowledgment <= receiver.pointee.iss,
      receiver.pointee.knows.contains(.syn)
    {
      return Judgement(.ignore, .handshakeAckInvalid)
    }
    let behind = receiver.pointee.sndUna.distance(from: acknowledgment)
    if behind > 0 {
      // RFC 5961 5.2, and nothing below the first byte that was ever acknowledged.
      var oldest = UInt32(min(sender.pointee.maximumWindow, UInt32(Int32.max)))
      if receiver.pointee.knows.contains(.syn) {
        oldest = min(oldest, UInt32(bitPattern: (receiver.pointee.sndUna - 1).distance(from: receiver.pointee.iss)))
      }
      if UInt32(behind) > oldest { return Judgement(.ignore, .ackTooOld) }
      judgement.acknowledges = false
    }
    return judgement
  }

  /// Whether the packet's timestamp is older than TS.Recent, which proves nothing when it was set 24 days ago (RFC 7323 5.5).
  @inline(__always)
  mutating func isTimestampOld(
    _ packet: UnsafePointer<DecodedPacket>, receiver: UnsafeMutablePointer<Endpoint>
  ) -> Bool {
    receiver.pointee.knows.contains(.timestampRecent)
      && SegmentAcceptability.failsPAWS(
        value: current.options.timestampValue, recent: receiver.pointee.timestampRecent)
      && isTimestampRecentFresh(at: packet, receiver)
  }

  /// Whether the receiver's TS.Recent was set in the last 24 days.
  @inline(never)
  private func isTimestampRecentFresh(
    at packet: UnsafePointer<DecodedPacket>, _ receiver: UnsafeMutablePointer<Endpoint>
  ) -> Bool {
    Endpoint.hours(packet.pointee.timestamp) &- receiver.pointee.timestampAge < 24 * 24
  }

  /// A segment that reaches the window's right edge, or lies beyond.
  @inline(never)
  private mutating func judgeAtEdge(
    _ packet: UnsafePointer<DecodedPacket>, sequence: SequenceNumber, edge: SequenceNumber,
    receiver: UnsafeMutablePointer<Endpoint>
  ) -> Judgement {
    let length = packet.pointee.payloadLength
    if sequence < edge {
      // Hosts take the part that fits, or nothing: Linux from 6.17.
      return sequence + length > edge ? Judgement(.doubt, .dataOutsideWindow) : Judgement(.process)
    }
    if sequence <= receiver.pointee.rcvNxt, length == 0, !packet.pointee.flags.contains(.fin) {
      return Judgement(.process)
    }
    if sequence == receiver.pointee.rcvNxt {
      // A closed window: a probe, or the receiver has opened it and the update was not seen here. FIN takes no room.
      if packet.pointee.payloadLength == 0 { return Judgement(.process) }
      var judgement = Judgement(.doubt)
      if packet.pointee.payloadWireLength == 1 {
        judgement.repeats = .zeroWindowProbe
      } else {
        judgement.anomaly = .dataOutsideWindow
      }
      return judgement
    }
    if sequence.distance(from: edge) < 65_536, packet.pointee.payloadLength > 0 {
      return Judgement(.doubt, .dataOutsideWindow)
    }
    if sequence == edge { return Judgement(.process) }
    return Judgement(.ignore, packet.pointee.flags.contains(.fin) ? .finNotInOrder : .dataOutsideWindow)
  }

  /// An acknowledgment of bytes that did not pass here: they were lost to the capture, or somebody made it up.
  ///
  /// Only numbers within the window that the sender advertised can be true.
  @inline(never)
  private mutating func judgeUnseenAcknowledgment(
    _ packet: UnsafePointer<DecodedPacket>, sender: UnsafeMutablePointer<Endpoint>,
    receiver: UnsafeMutablePointer<Endpoint>
  ) -> Judgement {
    let acknowledgment = SequenceNumber(packet.pointee.acknowledgment)
    if receiver.pointee.state == .synReceived, receiver.pointee.knows.contains(.syn) {
      return Judgement(.ignore, .handshakeAckInvalid)
    }
    if !receiver.pointee.knows.contains(.seen) {
      // Only one direction passes here: what the other one sent is told by its acknowledgments alone.
      var judgement = Judgement(.process)
      judgement.acknowledges = true
      return judgement
    }
    // As far as the sender may have been sent anything, by its numbers or, where those are others, by the receiver's.
    let edge =
      current.numbersDiffer ? receiver.pointee.sndUna + sender.pointee.maximumWindow : sender.pointee.rcvEdge
    if sender.pointee.knows.contains(.window), acknowledgment > edge {
      return Judgement(.ignore, .ackBeyondSent)
    }
    if packet.pointee.payloadLength == 0, !packet.pointee.flags.contains(.fin) {
      var judgement = Judgement(.process)
      judgement.acknowledges = true
      return judgement
    }
    return Judgement(.doubt, .ackBeyondSent)
  }
}

extension EndpointTraits {
  static var windowAndExpected: UInt16 { EndpointTraits.window.rawValue | EndpointTraits.expected.rawValue }
}
