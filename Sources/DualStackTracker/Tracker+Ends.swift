import MOSCore
import MTCP

/// How flows end, and what becomes of what they have.
extension Tracker {
  /// Ends a flow: its TCP state is given back, its record becomes final but for late packets.
  @inline(__always)
  mutating func end(_ flow: UInt32, _ reason: EndReason, packet: UInt64) {
    let record = records.pointer(flow)
    conclude(record, reason, packet: packet)
    giveBack(record)
  }

  /// A flow's record becomes final but for late packets.
  @inline(__always)
  mutating func conclude(_ record: UnsafeMutablePointer<FlowRecord>, _ reason: EndReason, packet: UInt64) {
    record.pointee.end = reason
    record.pointee.endPacket = packet
    guard record.pointee.connection != 0 else { return }
    let connection = connections.pointer(record.pointee.connection)
    close(.client, record, connection)
    close(.server, record, connection)
    record.pointee.lastSYN = connection.endpoint(.client).pointee.iss.rawValue
  }

  /// Gives back what a flow that ended has of TCP state.
  @inline(__always)
  mutating func giveBack(_ record: UnsafeMutablePointer<FlowRecord>) {
    let index = record.pointee.connection
    guard index != 0 else { return }
    let connection = connections.pointer(index)
    release(connection.endpoint(.client))
    release(connection.endpoint(.server))
    if connection.pointee.unconfirmed != 0 { releaseUnconfirmed(connection) }
    if connection.pointee.intervention != 0 { releaseIntervention(connection) }
    connections.free(index)
    record.pointee.connection = 0
  }

  /// What remains of a side in the record.
  @inline(__always)
  private mutating func close(
    _ side: Side, _ record: UnsafeMutablePointer<FlowRecord>, _ connection: UnsafeMutablePointer<Connection>
  ) {
    let endpoint = connection.endpoint(side)
    let counters = record.counters(side)
    countUnseen(receiver: endpoint, counters: record.counters(side.peer))
    endpoint.pointee.observed.finish(counters)
    counters.pointee.state = endpoint.pointee.state.rawValue
  }

  /// Gives back the memory of a side.
  @inline(__always)
  private mutating func release(_ endpoint: UnsafeMutablePointer<Endpoint>) {
    if endpoint.pointee.receive.hasQueued { endpoint.pointee.receive.dropQueued(pool: &pool) }
    if !endpoint.pointee.retained.isEmpty { endpoint.pointee.retained.removeAll(blocks: &retainedBlocks) }
  }

  /// Bytes that were acknowledged and that no packet brought until the flow's end.
  private mutating func countUnseen(
    receiver: UnsafeMutablePointer<Endpoint>, counters: UnsafeMutablePointer<EndpointCounters>
  ) {
    guard receiver.pointee.knows.contains(.acknowledgedUnseen) else { return }
    let missing = receiver.pointee.acknowledged.distance(from: receiver.pointee.rcvNxt)
    guard missing > 0 else { return }
    counters.pointee.missedBytes &+= UInt64(missing)
    statistics.missedBytes &+= UInt64(missing)
  }

  /// Lets a closed flow linger.
  mutating func linger(_ flow: UInt32, now: Timestamp) {
    wheel.schedule(flow, at: now.advanced(by: configuration.lingerTimeout))
    ages.append(flow, class: AgeClass.lingering)
  }

  /// Takes a flow out of the table; its record waits for `takeReleased`.
  mutating func release(_ flow: UInt32) {
    if records.pointer(flow).pointee.traits.contains(.hasFurtherKeys) { removeKeys(of: flow) }
    wheel.cancel(flow)
    ages.remove(flow)
    _ = table.remove(records.pointer(flow).pointee.hash, flow)
    records.pointer(flow).pointee.traits.remove(.inTable)
    if records.pointer(flow).pointee.traits.contains(.notSelected) {
      records.free(flow)
    } else {
      appendReleased(flow)
    }
  }

  mutating func forget(_ flow: UInt32) {
    _ = table.remove(records.pointer(flow).pointee.hash, flow)
    records.pointer(flow).pointee.traits.remove(.inTable)
    records.free(flow)
  }

  /// Ends every flow, as at the end of a trace: open ones with `reason`. Then `takeEnded` and `takeReleased` name them.
  ///
  /// Without `releases`, for a tracker that is thrown away next and whose records nobody looks at, `takeReleased` names
  /// none.
  public mutating func finish(_ reason: EndReason = .traceEnd, releases: Bool = true) {
    confirmReceive()
    returnChains()
    // Lingering flows have ended.
    for value in (releases ? AgeClass.lingering : AgeClass.halfOpen)..<UInt8(AgeClass.count) {
      var flow = ages.oldest(class: value)
      while flow != 0 {
        let next = ages.next(flow)
        prefetch(records.base + Int(next))
        if isOpen(flow) {
          end(flow, reason, packet: 0)
          appendEnded(flow)
        }
        if releases { release(flow) }
        flow = next
      }
    }
  }
}
