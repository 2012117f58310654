import MOSCore

/// How connections end.
extension Connections {
  /// The application sends no more (CLOSE, and the half-close of RFC 9293 3.6): what it wrote leaves, and a FIN behind it. It may
  /// go on reading.
  public mutating func close<Sink: SegmentSink & ~Copyable>(
    _ connection: UInt32, at now: Timestamp, into sink: inout Sink
  ) {
    let block = blocks.pointer(connection)
    guard block.pointee.end == nil, !block.pointee.traits.contains(.isClosing) else { return }
    if block.pointee.state == .synSent { return end(connection, .closed) }
    block.pointee.traits.insert(.isClosing)
    transmit(connection, at: now, into: &sink)
    if block.pointee.end == nil { schedule(connection) }
  }

  /// The application goes away: as `close`, and what still comes is thrown away. If there is something unread, the peer is told by a
  /// reset that it is lost (RFC 2525 2.17).
  public mutating func abandon<Sink: SegmentSink & ~Copyable>(
    _ connection: UInt32, at now: Timestamp, into sink: inout Sink
  ) {
    let block = blocks.pointer(connection)
    guard block.pointee.end == nil else { return }
    if block.pointee.incoming.keptBytes > 0 { return abort(connection, at: now, into: &sink) }
    block.pointee.traits.insert(.isAbandoned)
    close(connection, at: now, into: &sink)
    if block.pointee.end == nil {
      setLifeTime(block, at: now)
      schedule(connection)
    }
  }

  /// The connection is reset (ABORT).
  public mutating func abort<Sink: SegmentSink & ~Copyable>(
    _ connection: UInt32, at now: Timestamp, into sink: inout Sink
  ) {
    let block = blocks.pointer(connection)
    guard block.pointee.end == nil else { return }
    switch block.pointee.state {
    case .closed, .listen, .synSent, .timeWait: break
    default:
      _ = sink.begin(
        OutgoingSegment(
          header: .reset(sequence: block.pointee.sndNxt.rawValue, acknowledgment: block.pointee.rcvNxt.rawValue),
          options: InlineArray(repeating: 0), optionsLength: 0, payloadLength: 0, key: block.pointee.key))
    }
    end(connection, .aborted)
  }
}
