import DualStackTracker
import EventDSL
import MOSCore

/// Packets, each by itself.
extension Detector {
  /// A packet of a flow, each by itself. `receiver` gets it.
  func take(
    _ packet: borrowing PacketView, for receiver: Side, of flow: InspectedFlow, _ record: FlowRecord
  ) {
    let transport: Int
    switch packet.kind {
    case .tcp: transport = 0
    case .udp: transport = 1
    default: transport = 2
    }
    if packet.kind == .udp { takeDatagram(packet, for: receiver, of: flow, record) }
    let group = rules.packets[transport][Int(receiver.rawValue)]
    if group.isEmpty || flow.isPassed { return }
    var context = Context(flow: flow, record: record, receiver: receiver, time: packet.time)
    var candidates = group.others
    if let search = packetSearches[transport][Int(receiver.rawValue)], packet.payloadLength > 0 {
      hits.removeAll(keepingCapacity: true)
      packet.withPayload { span in
        span.withUnsafeBytes { bytes in search.run(bytes, scratch: scratch!, into: &hits) }
      }
      for hit in hits { candidates += group.rulesOfLiteral[Int(hit.literal)] }
    }
    if candidates.isEmpty { return }
    candidates.sort { order($0) < order($1) }
    for index in candidates {
      let rule = rules.rules[Int(index)]
      guard rule.allows(context.key),
        rule.packetConditions.allSatisfy({ PacketFields.holds($0, for: packet.decoded) })
      else { continue }
      packet.withPayload { span in
        span.withUnsafeBytes { bytes in
          context.packet = bytes
          if outcome(index, bytes, context, isWhole: true) == .matches { fire(index, context) }
        }
      }
    }
  }
}
