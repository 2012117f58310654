import DualStackTracker
import MOSCore
import MTCP

/// How packets and events are told of.
enum ExplainText {
  /// A packet in one line.
  static func packet(_ packet: DecodedPacket) -> String {
    var text = "packet \(packet.number) at \(seconds(packet.timestamp)): \(packet.kind)"
    if packet.ipVersion != 0 {
      let key = packet.key
      let hasPorts = packet.kind == .tcp || packet.kind == .udp
      func end(_ address: IPAddress, _ port: UInt16) -> String {
        if !hasPorts { return "\(address)" }
        return address.isV4 ? "\(address):\(port)" : "[\(address)]:\(port)"
      }
      text += " \(end(key.source, key.sourcePort)) -> \(end(key.destination, key.destinationPort))"
      if key.vlan > 0 { text += " vlan \(key.vlan)" }
    }
    if packet.kind == .tcp {
      text += " [\(flags(packet.flags))] seq \(packet.sequence)"
      if packet.flags.contains(.ack) { text += " ack \(packet.acknowledgment)" }
      text += " win \(packet.window)"
    }
    if packet.kind.rawValue <= PacketKind.icmpv6.rawValue { text += ", payload \(packet.payloadLength) bytes" }
    return text + ", frame \(packet.wireLength) bytes"
  }

  /// Control bits by their initials.
  static func flags(_ flags: TCPFlags) -> String {
    let letters: [(TCPFlags, String)] = [
      (.syn, "S"), (.fin, "F"), (.rst, "R"), (.psh, "P"), (.ack, "A"), (.urg, "U"), (.ece, "E"), (.cwr, "C"),
    ]
    return letters.filter { flags.contains($0.0) }.map(\.1).joined()
  }

  /// An event of the tracker in one line.
  static func event(_ event: EventRecord) -> String {
    let range = "\(event.length) bytes at \(event.offset) of the stream to the \(event.side)"
    switch event.kind {
    case .stateChange: return "stateChange: \(event.side) \(state(event.detail)) -> \(state(event.code))"
    case .newData, .outOfOrder, .gap, .overlapConflict: return "\(event.kind.name): \(range)"
    case .retransmission:
      let kind = RetransmissionKind(rawValue: event.code) ?? .data
      return "retransmission: \(kind.name), \(range)\(event.detail == 0 ? "" : ", other bytes than before")"
    case .anomaly: return "anomaly: \(Anomaly(rawValue: event.code)?.name ?? "?")"
    case .connectionEnd: return "connectionEnd: \((EndReason(rawValue: event.code) ?? .none).recordName)"
    case .connectionStart: return "connectionStart: \(event.side)"
    case .packet, .established, .orphan, .idle: return event.kind.name
    }
  }

  /// The name of a TCP state.
  static func state(_ rawValue: UInt8) -> String { "\((TCPState(rawValue: rawValue) ?? .closed).recordName)" }

  /// A time as seconds since 1970.
  static func seconds(_ time: Timestamp) -> String {
    let fraction = time.nanoseconds.magnitude % 1_000_000_000
    let digits = String(fraction + 1_000_000_000).dropFirst()
    let sign = time.nanoseconds < 0 ? "-" : ""
    return "\(sign)\(time.nanoseconds.magnitude / 1_000_000_000).\(fraction % 1000 == 0 ? digits.dropLast(3) : digits)"
  }
}
