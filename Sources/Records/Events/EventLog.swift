import DualStackTracker
import MOSCore
import MTCP

/// Formats events, one JSON object a line.
///
/// Common fields: `n` (number of the packet, left out without one), `ts`, `event`, `hook`, `side` (left out where an
/// event belongs to none), `uid` (left out without a flow). Then the event's own: `offset` and `length` for ranges of
/// the stream, `old` and `new` for states, `kind` and `same` for retransmissions, `anomaly`, `reason`; and the addresses
/// for events without a flow.
public enum EventLog {
  /// Appends an event record. `number` is the packet's number in the trace, 0 for an event without a packet; `timestamp`
  /// is the packet's or the timer's time.
  public static func append(
    _ event: EventRecord, number: UInt64, timestamp: Timestamp, flow: UnsafePointer<FlowRecord>?,
    to text: inout RecordText
  ) {
    appendCommon(event.kind, event.hook, event.side, number, timestamp, flow, &text)
    switch event.kind {
    case .newData, .outOfOrder, .gap, .overlapConflict:
      appendRange(event, &text)
    case .retransmission:
      text.member("kind", NameTable.retransmissions, event.code)
      appendRange(event, &text)
      text.member("same", event.detail == 0)
    case .stateChange:
      text.member("old", TCPState.recordName(event.detail))
      text.member("new", TCPState.recordName(event.code))
    case .anomaly:
      text.member("anomaly", NameTable.anomalies, event.code)
    case .connectionEnd:
      text.member("reason", (EndReason(rawValue: event.code) ?? .none).recordName)
    case .packet, .connectionStart, .established, .orphan, .idle:
      break
    }
    text.endRecord()
  }

  /// Appends an event that is a mere fact of a flow, as it comes in an `EventSet`.
  public static func append(
    _ kind: EventKind, hook: Hook, side: Side?, number: UInt64, timestamp: Timestamp, flow: UnsafePointer<FlowRecord>?,
    to text: inout RecordText
  ) {
    appendCommon(kind, hook, side, number, timestamp, flow, &text)
    text.endRecord()
  }

  /// Appends an event of a packet, with its addresses and ports: `orphan`, `packet` at `.wire`.
  public static func append(
    _ kind: EventKind, hook: Hook, packet: UnsafePointer<DecodedPacket>, to text: inout RecordText
  ) {
    appendCommon(kind, hook, nil, packet.pointee.number, packet.pointee.timestamp, nil, &text)
    appendAddresses(packet, &text)
    text.endRecord()
  }

  /// Appends what is wrong with a packet by itself, with its addresses and ports: an `anomaly` event at `.wire`.
  public static func append(
    _ anomaly: Anomaly, packet: UnsafePointer<DecodedPacket>, to text: inout RecordText
  ) {
    appendCommon(.anomaly, .wire, nil, packet.pointee.number, packet.pointee.timestamp, nil, &text)
    text.member("anomaly", NameTable.anomalies, anomaly.rawValue)
    appendAddresses(packet, &text)
    text.endRecord()
  }

  private static func appendCommon(
    _ kind: EventKind, _ hook: Hook, _ side: Side?, _ number: UInt64, _ timestamp: Timestamp,
    _ flow: UnsafePointer<FlowRecord>?, _ text: inout RecordText
  ) {
    text.beginObject()
    if number > 0 { text.member("n", number) }
    text.key("ts")
    text.append(timestamp: timestamp)
    text.member("event", NameTable.events, kind.rawValue)
    text.member("hook", NameTable.hooks, hook.rawValue)
    if let side { text.member("side", NameTable.sides, side.rawValue) }
    if let flow { text.member("uid", FlowUID(flow)) }
  }

  private static func appendRange(_ event: EventRecord, _ text: inout RecordText) {
    text.member("offset", event.offset)
    text.member("length", event.length)
  }

  private static func appendAddresses(_ packet: UnsafePointer<DecodedPacket>, _ text: inout RecordText) {
    guard packet.pointee.ipVersion != 0 else { return }
    let key = packet.pointee.key
    text.member("src", key.source)
    text.member("src_port", UInt64(key.sourcePort))
    text.member("dst", key.destination)
    text.member("dst_port", UInt64(key.destinationPort))
    text.member("proto", key.transportName)
  }
}
