import DualStackTracker
import MOSCore
import MTCP

/// What a middlebox does to packets and flows, as the script says.
///
/// Bits 0 to 2: 0 nothing (8 in all: the packet has the flow's other key), 1 dropped, 2 changed, 3 dropped behind the
/// second step, 4 could have been, 5 the ends count in different numbers from here on, 6 a control of the flow, 7 the flow
/// or an end of it is reset. Bits 3 to 7 say how.
extension TrackerRun {
  /// The second step of a packet.
  mutating func interfere(_ packet: UnsafeMutablePointer<DecodedPacket>, _ flow: UInt32, _ act: UInt8) {
    switch act & 7 {
    case 1: tracker.drop(packet)
    case 2, 5:
      if act & 7 == 5 { tracker.beginTranslation(of: flow) }
      var changed = packet.pointee
      change(&changed, act)
      givenBytes &-= UInt64(packet.pointee.payloadLength)
      givenBytes &+= UInt64(changed.payloadLength)
      tracker.receive(&changed, insteadOf: packet)
      check(flow, from: tracker.events.firstStepCount)
    case 3:
      if act & 8 != 0 {
        var changed = packet.pointee
        change(&changed, act)
        withUnsafePointer(to: changed) { tracker.receiveRevocably($0, insteadOf: packet) }
      } else {
        tracker.receiveRevocably(packet)
      }
      touchDelivered()
      if act & 16 != 0 { control(flow, act >> 5 | act & 0xe0) }
      tracker.undoReceive(packet)
    case 4:
      tracker.receiveRevocably(packet)
      check(flow, from: tracker.events.firstStepCount)
      if act & 16 != 0 { control(flow, act >> 5 | act & 0xe0) }
      tracker.confirmReceive()
    case 6:
      control(flow, act)
      receive(packet, flow)
    case 7:
      if act & 16 == 0 {
        _ = tracker.reset(flow, packet: packet.pointee.number)
      } else {
        _ = tracker.reset(act & 32 == 0 ? .client : .server, of: flow, packet: packet.pointee.number)
      }
      if act & 8 == 0 { receive(packet, flow) } else { tracker.drop(packet) }
    default: receive(packet, flow)
    }
    look(flow)
  }

  private mutating func receive(_ packet: UnsafeMutablePointer<DecodedPacket>, _ flow: UInt32) {
    tracker.receive(packet)
    check(flow, from: tracker.events.firstStepCount)
  }

  /// Numbers, length and flags as the receiver gets them.
  private func change(_ packet: inout DecodedPacket, _ act: UInt8) {
    if act & 8 != 0 {
      packet.payloadLength /= 2
      packet.payloadWireLength = packet.payloadLength
    }
    if act & 16 != 0 { packet.sequence &+= 10 }
    if act & 32 != 0 { packet.acknowledgment &-= 10 }
    if act & 64 != 0 { packet.flags = TCPFlags(rawValue: packet.flags.rawValue ^ TCPFlags.fin.rawValue) }
    if act & 128 != 0 { packet.flags = TCPFlags(rawValue: packet.flags.rawValue ^ TCPFlags.rst.rawValue) }
  }

  /// Sets something of a flow, or takes it back.
  mutating func control(_ flow: UInt32, _ act: UInt8) {
    let side: Side = act & 8 == 0 ? .client : .server
    switch act >> 4 {
    case 0: tracker.setReassembly(.off, of: side, in: flow)
    case 1: tracker.setReassembly(.on, of: side, in: flow)
    case 2: tracker.setReassembly(.limited(act & 8 == 0 ? 0 : 600), of: side, in: flow)
    case 3: tracker.stopMonitoring(flow, of: side)
    case 4: tracker.stopMonitoring(flow)
    case 5: tracker.setIdleTimeout(act & 8 == 0 ? 40_000_000_000 : nil, of: flow)
    case 6: tracker.setOverlapPolicy(.last, of: side, in: flow)
    case 7...9: _ = tracker.addKey(otherKey(flow), to: flow)
    case 10: _ = tracker.removeKey(otherKey(flow), from: flow)
    default: break
    }
    // A stream whose reassembly is switched goes on where it has come to.
    if act >> 4 < 5 { expected[flow] = nil }
  }

  private func otherKey(_ flow: UInt32) -> FlowKey {
    let key = tracker.record(flow).pointee.key
    let port = (key.destinationPort == 80 ? key.sourcePort : key.destinationPort) % 1000 + 2000
    let other = FlowKey(
      source: IPAddress(v4: 0xc000_0201), sourcePort: port, destination: IPAddress(v4: 0x0a00_0002),
      destinationPort: 80, protocolNumber: key.protocolNumber)
    return key.destinationPort == 80 ? other : other.reversed
  }

  /// Bytes of a step that is undone can be read as well, and are no part of a stream.
  private mutating func touchDelivered() {
    for index in tracker.events.firstStepCount..<tracker.events.count where tracker.events[index].kind == .newData {
      var length = 0
      tracker.forEachSpan(of: tracker.events[index]) { span in
        if let base = span.baseAddress { touch(base, span.count) }
        length += span.count
      }
      precondition(length == Int(tracker.events[index].length), "newData has other bytes than it says")
    }
  }

  /// What handlers read of a flow agrees with itself.
  private mutating func look(_ flow: UInt32) {
    for side in [Side.client, .server] {
      guard let end = tracker.endpoint(side, of: flow), let last = tracker.lastReceivedOffset(of: side, in: flow) else {
        continue
      }
      var reached = end.nextOffset
      var count: UInt64 = 0
      tracker.forEachQueuedRange(of: side, in: flow) { start, stop in
        precondition(start >= reached && stop > start, "ranges that overlap, or are empty")
        reached = stop
        count += stop - start
      }
      precondition(last == reached && count <= UInt64(end.queuedBytes), "the ranges are not those of the queue")
      precondition(!end.isUnassembled || end.queuedBytes == 0, "bytes wait where nothing is put together")
    }
  }
}
