import MOSCore
import MTCP

/// A receiver's step that somebody looks at before it counts: what comes of it decides whether the packet is let pass.
extension Tracker {
  /// Second step of a packet, as `receive`, that can be undone: by `undoReceive` when the packet is dropped after all, so
  /// that the receiver never has it. `confirmReceive` has to be called in the other case. One of the two comes before
  /// anything else that is done with packets.
  ///
  /// `packet` is what the receiver gets; `original` is what was sent, where that is something else (see
  /// `receive(_:insteadOf:)`), and nil where it is the same. Both stay valid until then, and so do the bytes that
  /// `newData` delivers. A flow that ends with this packet has a final record, and the state of both sides besides.
  public mutating func receiveRevocably(
    _ packet: UnsafePointer<DecodedPacket>, insteadOf original: UnsafePointer<DecodedPacket>? = nil
  ) {
    confirmReceive()
    let record = current.record
    let connection = connections.base + Int(record.pointee.connection)
    revocation.flow = current.flow
    revocation.connection = connection.pointee
    revocation.record = record.pointee
    revocation.statistics = statistics
    revocation.judgement = current.judgement
    revocation.expectation = current.expectation
    revocation.lentCount = lentCount
    retains = false
    if let original { receive(packet, insteadOf: original) } else { receive(packet) }
    retains = configuration.comparesRetransmissions
  }

  /// The packet of `receiveRevocably` reaches its receiver: the step stays as it is. No effect without one.
  public mutating func confirmReceive() {
    guard revocation.isActive else { return }
    let flow = revocation.flow
    let record = records.pointer(flow)
    revocation.flow = 0
    if record.pointee.connection != 0 {
      let connection = connections.pointer(record.pointee.connection)
      for index in 0..<revocation.deliveryCount { retain(revocation.deliveries[index], connection) }
      giveUpUnassembled(connection)
      if let packet = revocation.doubted { keepInDoubt(packet, connection: connection, side: current.sender.peer) }
      if revocation.promotes { ages.append(flow, class: AgeClass.established) }
      if revocation.ends {
        giveBack(record)
        linger(flow, now: revocation.endTime)
      }
    }
    revocation.clear()
  }

  /// The packet of `receiveRevocably`, as it was sent, is dropped: what the step did is undone, and all is as after `drop`
  /// in its place.
  ///
  /// That holds of the receiver's state, numbers, stream offset and queue, of the flow's record with its history and end,
  /// and of `statistics`. The events that the step brought did happen: they stay counted.
  public mutating func undoReceive(_ packet: UnsafePointer<DecodedPacket>) {
    guard revocation.isActive else { return }
    let record = records.pointer(revocation.flow)
    revocation.flow = 0
    if record.pointee.connection != 0 {
      let connection = connections.pointer(record.pointee.connection)
      putBackQueues(connection)
      restore(connection, record)
      statistics = revocation.statistics
      giveUpUnassembled(connection)
    } else {
      // A late packet, which is counted as it was sent.
      statistics = revocation.statistics
    }
    current.judgement = revocation.judgement
    current.expectation = revocation.expectation
    revocation.clear()
    dropSent(packet)
  }

  /// What the step took out of the queues comes back, then what it put in goes.
  private mutating func putBackQueues(_ connection: UnsafeMutablePointer<Connection>) {
    while lentCount > revocation.lentCount {
      lentCount -= 1
      connection.endpoint(lentSides[lentCount]).pointee.receive.putBack(lentChains[lentCount], pool: &pool)
    }
    connection.endpoint(current.sender.peer).pointee.receive.restore(from: &revocation.queue, pool: &pool)
  }

  /// The state and the record are what they were, but for what others than the step may have changed since.
  private mutating func restore(
    _ connection: UnsafeMutablePointer<Connection>, _ record: UnsafeMutablePointer<FlowRecord>
  ) {
    for side in [Side.client, .server] {
      let endpoint = connection.endpoint(side)
      let receive = endpoint.pointee.receive
      let retained = endpoint.pointee.retained
      endpoint.pointee = side == .client ? revocation.connection.client : revocation.connection.server
      endpoint.pointee.receive = receive
      endpoint.pointee.retained = retained
    }
    connection.pointee.step = .unknown
    connection.pointee.traits.subtract(.ofPackets)
    connection.pointee.traits.formUnion(revocation.connection.traits.intersection(.ofPackets))
    record.pointee.client = revocation.record.client
    record.pointee.server = revocation.record.server
    record.pointee.history = revocation.record.history
    record.pointee.end = revocation.record.end
    record.pointee.endPacket = revocation.record.endPacket
    record.pointee.traits.subtract([.established, .halfOpen])
    record.pointee.traits.formUnion(revocation.record.traits.intersection([.established, .halfOpen]))
    if revocation.ends { record.pointee.lastSYN = revocation.record.lastSYN }
  }

  /// Delivered bytes that are not kept for comparison at once.
  @inline(never)
  mutating func postpone(
    _ bytes: UnsafeRawPointer?, count: UInt32, chain: UInt32, at start: SequenceNumber,
    _ receiver: UnsafeMutablePointer<Endpoint>, _ side: Side
  ) {
    guard revocation.isActive, configuration.comparesRetransmissions else { return }
    var delivery = Revocation.Delivery()
    delivery.side = side
    delivery.isForgone = !mayRetain(receiver)
    delivery.start = start
    delivery.count = count
    delivery.bytes = bytes
    delivery.chain = chain
    revocation.append(delivery)
  }

  private mutating func retain(_ delivery: Revocation.Delivery, _ connection: UnsafeMutablePointer<Connection>) {
    let receiver = connection.endpoint(delivery.side)
    var isKept = !delivery.isForgone
    if isKept, let bytes = delivery.bytes {
      isKept = receiver.pointee.retained.append(
        bytes, count: delivery.count, at: delivery.start, blocks: &retainedBlocks)
    } else if isKept {
      isKept = receiver.pointee.retained.append(
        chain: delivery.chain, at: delivery.start, from: pool, blocks: &retainedBlocks)
    }
    if !isKept { forgo(delivery.count, receiver) }
  }
}
