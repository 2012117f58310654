import DualStackTracker
import EventDSL
import MOSCore

extension EVE {
  /// Appends what a middlebox reported, as a record of an event type of its own, `middlebox`: `alert` is for Suricata's
  /// signatures, and readers expect their members in it. Addresses are the
  /// flow's, the client as source, as in `flow`; outside of any flow the packet's.
  public static func append(report: Report, hasCommunityID: Bool = false, to text: inout RecordText) {
    appendHeader(report.time, "middlebox", report.flowUID, packet: report.packet, &text)
    if let key = report.flow ?? report.packetKey {
      appendAddresses(key, ipVersion: key.source.isV4 ? 4 : 6, &text)
      if hasCommunityID, key.hasCommunityID { text.member("community_id", communityID: key) }
    }
    text.key("middlebox")
    text.beginObject()
    text.member("name", string: report.middlebox)
    text.member("message", string: report.text)
    text.endObject()
    text.endRecord()
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
