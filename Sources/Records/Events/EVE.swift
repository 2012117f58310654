import DualStackTracker
import MOSCore
import MTCP

/// Formats Suricata's EVE records, one JSON object a line: `flow` and `anomaly`; `ReplayStatistics+JSON.swift` has
/// `stats`, `EVE+Report.swift` what middleboxes report.
///
/// Suricata counts `bytes_toserver` and `bytes_toclient` in bytes of frames; here they are bytes of IP datagrams,
/// because that is what is counted of a flow. `tcp_flags` has the bits that the flow's history tells of: SYN, ACK, FIN
/// and RST.
public enum EVE {
  /// Appends a flow's record. Its `timestamp` is the flow's last packet's. What its TLS handshake told, if that was
  /// looked at, is an object as in Suricata's `tls` records.
  public static func append(
    flow: UnsafePointer<FlowRecord>, tls: TLSHandshake? = nil, to text: inout RecordText
  ) {
    let key = flow.pointee.key
    appendHeader(flow.pointee.lastTimestamp, "flow", FlowUID(flow), packet: 0, &text)
    appendAddresses(key, ipVersion: key.source.isV4 ? 4 : 6, &text)
    if tls != nil { text.member("app_proto", "tls") }
    let duration = flow.pointee.lastTimestamp.since(flow.pointee.firstTimestamp)
    text.key("flow")
    text.beginObject()
    text.member("pkts_toserver", flow.pointee.client.packets)
    text.member("pkts_toclient", flow.pointee.server.packets)
    text.member("bytes_toserver", flow.pointee.client.ipBytes)
    text.member("bytes_toclient", flow.pointee.server.ipBytes)
    text.member("start", iso8601: flow.pointee.firstTimestamp)
    text.member("end", iso8601: flow.pointee.lastTimestamp)
    text.member("age", UInt64(max(0, duration / 1_000_000_000)))
    text.member("state", flowState(flow))
    text.member("reason", reason(flow.pointee.end))
    text.member("alerted", flow.pointee.isAlerted)
    text.endObject()
    if key.protocolNumber == 6 { appendTCP(flow, &text) }
    if let tls { append(tls, to: &text) }
    text.endRecord()
  }

  /// Appends an anomaly of a packet: `decode` for what is wrong with the packet by itself, `stream` for what is wrong
  /// against the connection's state. `flow` is the packet's flow, if it has one.
  public static func append(
    anomaly: Anomaly, packet: UnsafePointer<DecodedPacket>, flow: UnsafePointer<FlowRecord>?, to text: inout RecordText
  ) {
    appendHeader(
      packet.pointee.timestamp, "anomaly", flow.map { FlowUID($0) }, packet: packet.pointee.number, &text)
    if packet.pointee.ipVersion != 0 {
      appendAddresses(packet.pointee.key, ipVersion: packet.pointee.ipVersion, &text)
    }
    text.key("anomaly")
    text.beginObject()
    text.member("type", anomaly.rawValue < Anomaly.synWithData.rawValue ? "decode" : "stream")
    text.member("event", NameTable.anomalies, anomaly.rawValue)
    text.endObject()
    text.endRecord()
  }

  static func appendHeader(
    _ timestamp: Timestamp, _ type: StaticString, _ uid: FlowUID?, packet: UInt64, _ text: inout RecordText
  ) {
    text.beginObject()
    text.member("timestamp", iso8601: timestamp)
    if let uid { text.member("flow_id", uid.flowID) }
    if packet > 0 { text.member("pcap_cnt", packet) }
    text.member("event_type", type)
  }

  /// For ICMP there are no ports, as in Suricata.
  static func appendAddresses(_ key: FlowKey, ipVersion: UInt8, _ text: inout RecordText) {
    let hasPorts = [6, 17, 132].contains(key.protocolNumber)
    if key.vlan > 0 {
      text.key("vlan")
      text.beginArray()
      text.element(UInt64(key.vlan))
      if key.innerVLAN > 0 { text.element(UInt64(key.innerVLAN)) }
      text.endArray()
    }
    text.member("src_ip", key.source)
    if hasPorts { text.member("src_port", UInt64(key.sourcePort)) }
    text.member("dest_ip", key.destination)
    if hasPorts { text.member("dest_port", UInt64(key.destinationPort)) }
    switch key.protocolNumber {
    case 1: text.member("proto", "ICMP")
    case 6: text.member("proto", "TCP")
    case 17: text.member("proto", "UDP")
    case 47: text.member("proto", "GRE")
    case 50: text.member("proto", "ESP")
    case 58: text.member("proto", "IPv6-ICMP")
    case 132: text.member("proto", "SCTP")
    default:
      text.key("proto")
      text.append(UInt8(ascii: "\""))
      text.append(decimal: UInt64(key.protocolNumber), digits: 3)
      text.append(UInt8(ascii: "\""))
    }
    text.member("ip_v", UInt64(ipVersion))
  }

  private static func appendTCP(_ flow: UnsafePointer<FlowRecord>, _ text: inout RecordText) {
    let bits = controlBits(flow)
    let flags = bits.client.union(bits.server)
    text.key("tcp")
    text.beginObject()
    appendFlags("tcp_flags", flags, &text)
    appendFlags("tcp_flags_ts", bits.client, &text)
    appendFlags("tcp_flags_tc", bits.server, &text)
    if flags.contains(.syn) { text.member("syn", true) }
    if flags.contains(.fin) { text.member("fin", true) }
    if flags.contains(.rst) { text.member("rst", true) }
    if flags.contains(.ack) { text.member("ack", true) }
    text.member("state", sessionState(flow, hasAnswer: bits.server.contains(.syn)))
    text.endObject()
  }

  private static func appendFlags(_ name: StaticString, _ flags: TCPFlags, _ text: inout RecordText) {
    text.key(name)
    text.append(UInt8(ascii: "\""))
    text.append(hexadecimal: UInt64(flags.rawValue), digits: 2)
    text.append(UInt8(ascii: "\""))
  }

  /// The control bits that each side sent, as far as the history tells: PSH, URG and ECN's are not in it.
  private static func controlBits(_ flow: UnsafePointer<FlowRecord>) -> (client: TCPFlags, server: TCPFlags) {
    var client = TCPFlags(rawValue: 0)
    var server = TCPFlags(rawValue: 0)
    for index in 0..<Int(flow.pointee.history.count) {
      let letter = flow.pointee.history[index]
      let flags: TCPFlags
      switch letter | 0x20 {
      case UInt8(ascii: "s"): flags = .syn
      case UInt8(ascii: "h"): flags = [.syn, .ack]
      case UInt8(ascii: "a"), UInt8(ascii: "d"): flags = .ack
      // A FIN without ACK is taken by no stack, and is no letter.
      case UInt8(ascii: "f"): flags = [.fin, .ack]
      case UInt8(ascii: "r"): flags = .rst
      case UInt8(ascii: "i"): flags = [.fin, .rst, .ack]
      default: continue
      }
      if letter & 0x20 == 0 { client.formUnion(flags) } else { server.formUnion(flags) }
    }
    // A RST that answers a SYN has ACK, or the client's stack does not take it (RFC 9293 3.10.7.3).
    if server == .rst, client.contains(.syn) { server.insert(.ack) }
    return (client, server)
  }

  private static func isClosed(_ flow: UnsafePointer<FlowRecord>) -> Bool {
    switch flow.pointee.end {
    case .fin, .resetByClient, .resetByServer, .resetByMiddlebox: true
    default: false
    }
  }

  /// Suricata's three states of a flow; `closed` also when only the last acknowledgment is missing, and `established`
  /// means for other protocols than TCP that both sides sent.
  private static func flowState(_ flow: UnsafePointer<FlowRecord>) -> StaticString {
    if isClosed(flow) { return "closed" }
    guard flow.pointee.key.protocolNumber == 6 else {
      return flow.pointee.client.packets > 0 && flow.pointee.server.packets > 0 ? "established" : "new"
    }
    if flow.pointee.server.state >= TCPState.lastAck.rawValue { return "closed" }
    // The smaller of the two raw values belongs to the end that is less far in its handshake.
    let least = min(flow.pointee.client.state, flow.pointee.server.state)
    return least >= TCPState.established.rawValue ? "established" : "new"
  }

  /// Suricata logs a closed flow when its time is over, so that a FIN or a RST is `timeout` too.
  private static func reason(_ end: EndReason) -> StaticString {
    switch end {
    case .fin, .resetByClient, .resetByServer, .timeout: "timeout"
    case .evicted, .reused, .resetByMiddlebox: "forced"
    case .traceEnd, .none: "shutdown"
    }
  }

  /// Suricata has one state for both ends: the server's, but `syn_sent` until the server sent its SYN-ACK (`hasAnswer`).
  private static func sessionState(_ flow: UnsafePointer<FlowRecord>, hasAnswer: Bool) -> StaticString {
    if isClosed(flow) { return "closed" }
    switch TCPState(rawValue: flow.pointee.server.state) ?? .closed {
    case .closed, .listen: return flow.pointee.client.state == TCPState.synSent.rawValue ? "syn_sent" : "none"
    case .synSent: return "syn_sent"
    case .synReceived: return hasAnswer ? "syn_recv" : "syn_sent"
    case .established: return "established"
    case .finWait1: return "fin_wait1"
    case .finWait2: return "fin_wait2"
    case .closeWait: return "close_wait"
    case .closing: return "closing"
    case .lastAck: return "last_ack"
    case .timeWait: return "time_wait"
    }
  }
}
