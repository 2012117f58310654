import DualStackTracker
import EventDSL
import MOSCore

extension EVE {
  /// Appends what a middlebox reported: as an `alert` what a signature found, as a record of an event type of its own,
  /// `middlebox`, all else. Addresses are the flow's, the client as source, as in `flow`, but an alert's are those of what
  /// was found; outside of any flow the packet's.
  public static func append(report: Report, hasCommunityID: Bool = false, to text: inout RecordText) {
    let type: StaticString = report.alert == nil ? "middlebox" : "alert"
    appendHeader(report.time, type, report.flowUID, packet: report.packet, &text)
    let isReversed = report.alert?.sender == .server
    if let key = report.flow.map({ isReversed ? $0.reversed : $0 }) ?? report.packetKey {
      appendAddresses(key, ipVersion: key.source.isV4 ? 4 : 6, &text)
      if hasCommunityID, key.hasCommunityID { text.member("community_id", communityID: key) }
    }
    if let alert = report.alert {
      append(alert, to: &text)
      if let sent = report.sent { append(sent, since: report.flowStart.time, to: &text) }
    } else {
      text.key("middlebox")
      text.beginObject()
      text.member("name", string: report.middlebox)
      text.member("message", string: report.text)
      text.endObject()
    }
    text.endRecord()
  }

  /// The flow as it was then.
  private static func append(
    _ sent: (client: FrameCount, server: FrameCount), since start: Timestamp, to text: inout RecordText
  ) {
    text.key("flow")
    text.beginObject()
    text.member("pkts_toserver", sent.client.frames)
    text.member("pkts_toclient", sent.server.frames)
    text.member("bytes_toserver", sent.client.bytes)
    text.member("bytes_toclient", sent.server.bytes)
    text.member("start", iso8601: start)
    text.endObject()
  }

  private static func append(_ alert: Alert, to text: inout RecordText) {
    text.member("direction", alert.sender == .client ? "to_server" : "to_client")
    if let name = alert.applicationProtocol { text.member("app_proto", string: name) }
    if let transaction = alert.transaction { text.member("tx_id", UInt64(transaction)) }
    text.key("alert")
    text.beginObject()
    text.member("action", string: alert.action.rawValue)
    text.member("gid", UInt64(alert.generator))
    text.member("signature_id", UInt64(alert.signature))
    text.member("rev", UInt64(alert.revision))
    text.member("signature", string: alert.message)
    text.member("category", string: alert.category)
    text.member("severity", UInt64(alert.severity))
    text.endObject()
    if alert.payload.isEmpty { return }
    text.key("payload")
    text.append(UInt8(ascii: "\""))
    text.write(atMost: (alert.payload.count + 2) / 3 * 4) { cursor in
      alert.payload.withUnsafeBytes { cursor.append(base64: $0) }
    }
    text.append(UInt8(ascii: "\""))
    // As Suricata writes it: a point for what cannot be printed.
    let printable = alert.payload.map {
      (0x20...0x7e).contains($0) || $0 == 0x0a || $0 == 0x0d ? $0 : UInt8(ascii: ".")
    }
    text.member("payload_printable", string: String(decoding: printable, as: UTF8.self))
  }
}

/// What middleboxes report, as lines for people.
public enum ReportLines {
  /// Appends one line: time, packet, middlebox, flow, text. Control characters are escaped, so that what a packet holds
  /// does nothing to a terminal.
  public static func append(_ report: Report, to text: inout RecordText) {
    text.append(iso8601: report.time)
    if report.packet > 0 {
      text.append(" packet ")
      text.append(decimal: report.packet)
    }
    text.append(" ")
    text.appendEscaped(string: report.middlebox)
    if let key = report.flow ?? report.packetKey {
      text.append(UInt8(ascii: " "))
      text.append(flow: key)
    }
    text.append(": ")
    text.appendEscaped(string: report.text)
    text.append(UInt8(ascii: "\n"))
  }
}

extension Report {
  /// The identifier of its flow.
  public var flowUID: FlowUID? {
    flow.map { FlowUID(key: $0, timestamp: flowStart.time, number: flowStart.packet) }
  }
}

extension RecordText {
  /// Appends a flow for people: `tcp 10.0.0.1:1234 -> 10.0.0.2:80`, `icmp 10.0.0.1 -> 10.0.0.2`.
  public mutating func append(flow key: FlowKey) {
    append(string: key.description)
  }
}
