import MOSCore
import MTCP

/// One end of an open TCP connection as it is now, for handlers: reading costs a load. Valid until the tracker's next step.
///
/// Stream offsets count from ISN + 1 of the peer, whose stream this end receives, as those of events do. Where the
/// handshake was not seen they count from the first byte that was.
public struct EndpointView: BitwiseCopyable {
  private let connection: UnsafePointer<Connection>
  private let endpoint: UnsafePointer<Endpoint>
  private let peer: UnsafePointer<Endpoint>
  private let counters: UnsafePointer<EndpointCounters>
  private let side: Side

  init(
    _ connection: UnsafeMutablePointer<Connection>, _ record: UnsafeMutablePointer<FlowRecord>, _ side: Side
  ) {
    self.connection = UnsafePointer(connection)
    endpoint = UnsafePointer(connection.endpoint(side))
    peer = UnsafePointer(connection.endpoint(side.peer))
    counters = UnsafePointer(record.counters(side))
    self.side = side
  }

  /// The connection's state at this end (RFC 9293 3.3.2).
  public var state: TCPState { endpoint.pointee.state }
  /// The offset of the next byte that it expects: all before it was delivered or given up.
  public var nextOffset: UInt64 { endpoint.pointee.delivered }
  /// Bytes that wait behind a hole.
  public var queuedBytes: UInt32 { endpoint.pointee.receive.queuedBytes }
  /// How many bytes behind its last acknowledgment it had room for, by the largest number that it ever offered; nil before
  /// it offered a window.
  public var window: UInt32? {
    guard endpoint.pointee.knows.contains(.window) else { return nil }
    return UInt32(max(0, endpoint.pointee.rcvEdge.distance(from: endpoint.pointee.acknowledged)))
  }
  /// Smoothed round-trip time from here to this end and back, in microseconds; 0 without a sample.
  public var roundTripMicroseconds: UInt32 { counters.pointee.roundTripMicroseconds }
  /// ISS, its initial sequence number; nil while nothing is known of its numbers. Without its SYN it is the number before
  /// the first that was seen.
  public var initialSequence: UInt32? {
    endpoint.pointee.knows.contains(.sequence) ? endpoint.pointee.iss.rawValue : nil
  }
  /// SND.NXT: the number behind all that it sent.
  public var sendNext: UInt32 { endpoint.pointee.sndNxt.rawValue }
  /// SND.UNA: the highest acknowledgment that reached it.
  public var sendUnacknowledged: UInt32 { endpoint.pointee.sndUna.rawValue }
  /// RCV.NXT: the number that it expects next; nil while nothing is known of it.
  public var receiveNext: UInt32? {
    endpoint.pointee.knows.contains(.expected) ? endpoint.pointee.rcvNxt.rawValue : nil
  }
  /// The number of an exact reset (RFC 5961 3.2): RCV.NXT, or where it acknowledged more than passed here, what it
  /// acknowledged; nil while nothing is known of it.
  public var exactNext: UInt32? {
    guard endpoint.pointee.knows.contains(.expected) else { return nil }
    guard endpoint.pointee.knows.contains(.acknowledgedUnseen) else { return endpoint.pointee.rcvNxt.rawValue }
    return SequenceNumber.later(endpoint.pointee.rcvNxt, endpoint.pointee.acknowledged).rawValue
  }
  /// The largest segment that it takes, in bytes, as its peer was told on its SYN; nil where it did not say.
  public var maximumSegmentSize: UInt16? {
    let size = side == .client ? connection.pointee.clientSegmentSize : connection.pointee.serverSegmentSize
    return size == 0 ? nil : size
  }
  /// The shift count of the windows that it offers, 0 to 14, where both ends agreed to scale them (RFC 7323 2).
  public var windowScale: UInt8? { isAgreed(.windowScale) ? endpoint.pointee.windowShift : nil }
  /// Both ends permitted selective acknowledgment (RFC 2018).
  public var usesSACK: Bool { isAgreed(.sack) }
  /// Both ends use timestamps (RFC 7323 3).
  public var usesTimestamps: Bool { isAgreed(.timestamps) }
  /// Its reassembly is off.
  public var isUnassembled: Bool { connection.pointee.traits.contains(.unassembled(side)) }

  private func isAgreed(_ option: EndpointTraits) -> Bool {
    endpoint.pointee.knows.contains([option, .syn]) && peer.pointee.knows.contains([option, .syn])
  }
}

extension Tracker {
  /// One end of `flow`; nil for a flow that is no open TCP connection. What is left of one that ended is in its record.
  public func endpoint(_ side: Side, of flow: UInt32) -> EndpointView? {
    let record = records.pointer(flow)
    guard record.pointee.connection != 0 else { return nil }
    return EndpointView(connections.pointer(record.pointee.connection), record, side)
  }

  /// `EndpointView.exactNext` of one end of a flow; nil where there is none.
  ///
  /// It changes nothing: for a method that does not say so, the compiler copies the whole tracker, where it lies behind a
  /// pointer.
  @inline(__always)
  public mutating func exactNext(of side: Side, in flow: UInt32) -> UInt32? {
    let record = records.base + Int(flow)
    guard record.pointee.connection != 0 else { return nil }
    return EndpointView(connections.base + Int(record.pointee.connection), record, side).exactNext
  }

  /// The stream offset behind the last byte that `side` has, in order or not; nil for a flow that is no open TCP
  /// connection.
  public func lastReceivedOffset(of side: Side, in flow: UInt32) -> UInt64? {
    let index = records.pointer(flow).pointee.connection
    guard index != 0 else { return nil }
    let end = connections.pointer(index).endpoint(side)
    let last = end.pointee.receive.lastQueued(pool: pool) ?? end.pointee.rcvNxt
    return end.pointee.delivered &+ UInt64(max(0, last.distance(from: end.pointee.rcvNxt)))
  }

  /// Calls `body` with the stream offsets of each range of bytes that waits for `side` behind a hole, the lowest first:
  /// its first byte, and the one behind it.
  public func forEachQueuedRange(
    of side: Side, in flow: UInt32, _ body: (_ start: UInt64, _ end: UInt64) -> Void
  ) {
    let index = records.pointer(flow).pointee.connection
    guard index != 0 else { return }
    let end = connections.pointer(index).endpoint(side)
    let (next, delivered) = (end.pointee.rcvNxt, end.pointee.delivered)
    end.pointee.receive.forEachRange(pool: pool) { start, stop in
      // Text of a SYN waits at its own numbers, also when another SYN has come since.
      let first = max(0, start.distance(from: next))
      let last = stop.distance(from: next)
      if last > first { body(delivered &+ UInt64(first), delivered &+ UInt64(last)) }
    }
  }
}
