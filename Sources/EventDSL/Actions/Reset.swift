import DualStackTracker
import MOSCore
import MTCP

/// The reset of a connection, or of one of its ends, that a handler asked for.
struct RequestedReset: BitwiseCopyable {
  var template: SegmentTemplate
  var hasPacket: Bool
  var flow: UInt32
  var isOfClient = false
  var isOfServer = false
  var towardClient: PacketWay
  var towardServer: PacketWay

  /// The numbers of exact resets before anything was injected: what is acknowledged on an end's behalf it may not have.
  var clientNext: UInt32?
  var serverNext: UInt32?

  init?(_ occurrence: UnsafeMutablePointer<Occurrence>) {
    guard let template = occurrence.pointee.core.pointee.template(occurrence) else { return nil }
    self.template = template
    hasPacket = occurrence.pointee.packet != nil
    flow = occurrence.pointee.flow
    towardClient = PacketWay(toward: .client, occurrence, template)
    towardServer = PacketWay(toward: .server, occurrence, template)
  }

  /// Behind the event's packet, before what was injected in it.
  mutating func lookBefore(_ tracker: borrowing Tracker) {
    clientNext = tracker.endpoint(.client, of: flow)?.exactNext
    serverNext = tracker.endpoint(.server, of: flow)?.exactNext
  }

  /// The number of an exact reset of `end` now.
  static func exact(_ before: UInt32?, _ end: EndpointView?) -> UInt32? {
    guard let before, let now = end?.receiveNext else { return nil }
    return SequenceNumber.later(SequenceNumber(before), SequenceNumber(now)).rawValue
  }
}

extension Flow {
  /// Ends the TCP connection: both ends are sent a RST that is exact (RFC 9293 3.10.7, RFC 5961 3.2), with the number that
  /// each expects next, in its own numbers. The flow ends with `EndReason.resetByMiddlebox`; the packet in whose event this
  /// is called is dropped, unless its receiver has it already (at `.receiver` in an engine whose filters are all at
  /// `.sender`).
  ///
  /// It happens behind the event's packet, and behind what is injected: until then the flow is as it was. An end that has
  /// no connection, as the server whose client's SYN is dropped, is sent nothing. Packets that are held are dropped. In a
  /// flow that has ended, the sender of a late packet is answered as by a closed port. The segments go through the
  /// middleboxes on their way, which can change their addresses; a middlebox is not asked about its own.
  ///
  /// Returns `false`, and sends nothing, in an engine without filters, for a flow that is not TCP in Ethernet frames, in an
  /// event of a packet that a middlebox made, and in one without a packet that is not a `FlowTimer`'s of an open flow.
  @discardableResult
  public func reset() -> Bool {
    let core = occurrence.pointee.core
    guard core.pointee.mayReset(occurrence) else { return false }
    let isTaken = core.pointee.request(RequestedReset(occurrence)) {
      $0.isOfClient = true
      $0.isOfServer = true
    }
    if isTaken, occurrence.pointee.packet != nil,
      occurrence.pointee.hook != .receiver || core.pointee.table.dropsReceived
    {
      core.pointee.work.pointee.drop(by: occurrence.pointee.node)
    }
    return isTaken
  }
}

extension FlowSide {
  /// Resets this end of the TCP connection alone, with a RST as `Flow.reset` sends it: it is CLOSED, and its peer knows
  /// nothing of that. What the peer sends on is answered by the end with a RST, which ends the flow when it passes. The
  /// packet in whose event this is called goes its way.
  @discardableResult
  public func reset() -> Bool {
    let core = occurrence.pointee.core
    guard core.pointee.mayReset(occurrence) else { return false }
    let side = side
    return core.pointee.request(RequestedReset(occurrence)) {
      if side == .client { $0.isOfClient = true } else { $0.isOfServer = true }
    }
  }
}

extension EngineCore {
  /// Whether a connection can be reset in an event.
  fileprivate func mayReset(_ occurrence: UnsafeMutablePointer<Occurrence>) -> Bool {
    guard table.acts, !isInjecting else { return false }
    if let packet = occurrence.pointee.packet { return packet.pointee.kind == .tcp }
    return occurrence.pointee.record.pointee.end == .none
  }

  /// Notes a reset. Of several of a packet, the first one's way is taken.
  fileprivate mutating func request(
    _ new: RequestedReset?, _ change: (inout RequestedReset) -> Void
  ) -> Bool {
    guard var reset = requestedReset ?? new else { return false }
    change(&reset)
    requestedReset = reset
    hasMade = true
    return true
  }

  /// Ends the connection, or one end of it, and says what to send. `packet` is the one in whose event it was asked for, as
  /// it was sent.
  mutating func end(
    _ reset: RequestedReset, _ packet: UnsafePointer<DecodedPacket>
  ) -> (client: TCPSegment?, server: TCPSegment?) {
    var segments: (client: TCPSegment?, server: TCPSegment?)
    let sender = reset.template.sender
    let receiverState = tracker.endpoint(sender.peer, of: reset.flow)?.state
    let record = tracker.record(reset.flow)
    let exact = (
      client: (reset.isOfClient ? dropHeld(before: .client, record, shuts: reset.isOfServer) : nil)
        ?? RequestedReset.exact(reset.clientNext, tracker.endpoint(.client, of: reset.flow)),
      server: (reset.isOfServer ? dropHeld(before: .server, record, shuts: reset.isOfClient) : nil)
        ?? RequestedReset.exact(reset.serverNext, tracker.endpoint(.server, of: reset.flow))
    )
    let isTranslated = isTranslated(record)
    if reset.isOfClient && reset.isOfServer {
      let both = tracker.reset(reset.flow, packet: packet.pointee.number)
      segments = (both.towardClient, both.towardServer)
    } else if reset.isOfClient {
      segments.client = tracker.reset(.client, of: reset.flow, packet: packet.pointee.number)
    } else {
      segments.server = tracker.reset(.server, of: reset.flow, packet: packet.pointee.number)
    }
    if let number = exact.client { segments.client?.sequence = number }
    if let number = exact.server { segments.server?.sequence = number }
    guard reset.hasPacket else { return segments }
    // Of an end of which nothing has passed yet, or whose connection is gone, the packet says more.
    let back = EngineCore.closedPort(packet)
    // The receiver of the first packet that is seen of a connection expects what it begins with.
    let isExpected = receiverState != nil && receiverState != .closed && receiverState != .listen && !isTranslated
    let on = isExpected ? TCPSegment.reset(sequence: packet.pointee.sequence) : nil
    if reset.isOfClient, segments.client == nil { segments.client = sender == .client ? back : on }
    if reset.isOfServer, segments.server == nil { segments.server = sender == .server ? back : on }
    return segments
  }

  /// What a closed port answers a packet with (RFC 9293 3.10.7.1); nothing to a RST.
  private static func closedPort(_ packet: UnsafePointer<DecodedPacket>) -> TCPSegment? {
    let flags = packet.pointee.flags
    if flags.contains(.rst) { return nil }
    if flags.contains(.ack) { return .reset(sequence: packet.pointee.acknowledgment) }
    let length = packet.pointee.payloadLength &+ (flags.contains(.syn) ? 1 : 0) &+ (flags.contains(.fin) ? 1 : 0)
    return .reset(sequence: 0, acknowledgment: packet.pointee.sequence &+ length)
  }
}
