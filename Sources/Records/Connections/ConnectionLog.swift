import DualStackTracker
import MOSCore
import MTCP

/// How connection records are written.
@frozen
public enum ConnectionLogFormat: UInt8, BitwiseCopyable, Sendable {
  /// One JSON object a line, named as Zeek names its fields (Zeek with JSON logs).
  case json = 0
  /// Zeek's tab-separated form with its `#` header and footer.
  case zeek
}

/// Formats connection records: Zeek's `conn.log` names and meanings, and further fields of our own.
///
/// A record is written from the flow's record alone, so for as long as that lingers. Unset fields are left out of JSON
/// and are `-` in Zeek's form. As in Zeek, `duration` is unset for a flow of one packet, and so are the byte counts of
/// a flow that is not TCP.
public struct ConnectionLog: Sendable {
  /// More than the fields of a record can take: 40 of at most 128 bytes, and the texts of TLS, of which each byte takes
  /// five.
  private static func maximumLength(_ tls: TLSHandshake? = nil) -> Int {
    guard let tls else { return 40 * 128 }
    return 40 * 128 + 5 * (tls.serverName.count + tls.ja3.count + tls.ja3s.count + tls.ja4.count)
  }

  /// How records are written.
  public let format: ConnectionLogFormat
  /// Whether there are fields for the length and SHA-256 of each side's stream.
  public let hasStreamDigests: Bool
  /// Whether there is a field for the Community ID.
  public let hasCommunityID: Bool

  /// Whether there are fields for what TLS handshakes tell: `tls_version`, and as in Zeek's `ssl.log` `server_name`, `ja3`,
  /// `ja3s` and `ja4`.
  public let hasTLS: Bool

  /// A formatter. `hasStreamDigests`, `hasCommunityID` and `hasTLS` add their fields.
  public init(
    format: ConnectionLogFormat, hasStreamDigests: Bool = false, hasCommunityID: Bool = false, hasTLS: Bool = false
  ) {
    self.hasTLS = hasTLS
    self.format = format
    self.hasStreamDigests = hasStreamDigests
    self.hasCommunityID = hasCommunityID
  }

  /// How many lines come before the first record.
  public var headerLines: Int { format == .zeek ? 8 : 0 }

  /// Appends what comes before the first record: for Zeek's form eight lines, for JSON nothing. `opened` is the time in
  /// `#open`; give the first packet's, so that a replay always writes the same file.
  public func appendHeader(opened: Timestamp, to text: inout RecordText) {
    guard format == .zeek else { return }
    text.append("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#open\t")
    text.append(zeekTime: opened)
    text.append(UInt8(ascii: "\n"))
    // These only name the fields; that all bytes of the record are zero is a valid value of each of its members.
    withUnsafeTemporaryAllocation(byteCount: MemoryLayout<FlowRecord>.size, alignment: 16) { memory in
      memory.initializeMemory(as: UInt8.self, repeating: 0)
      let flow = UnsafePointer(memory.baseAddress!.assumingMemoryBound(to: FlowRecord.self))
      let limit = ConnectionLog.maximumLength()
      text.write(atMost: limit) { appendFields(ZeekHeaderFields<ZeekNames>.self, flow, nil, nil, &$0) }
      text.write(atMost: limit) { appendFields(ZeekHeaderFields<ZeekTypes>.self, flow, nil, nil, &$0) }
    }
  }

  /// Appends what comes after the last record: for Zeek's form `#close` and the time.
  public func appendFooter(closed: Timestamp, to text: inout RecordText) {
    guard format == .zeek else { return }
    text.append("#close\t")
    text.append(zeekTime: closed)
    text.append(UInt8(ascii: "\n"))
  }

  /// Appends one flow's record, a whole line. `digests` is what `StreamDigests.finish` gave for it; `nil` for a
  /// flow without a byte. It is not looked at unless `hasStreamDigests`, nor is `tls` unless `hasTLS`.
  public func append(
    _ flow: UnsafePointer<FlowRecord>, digests: StreamDigestPair? = nil, tls: TLSHandshake? = nil,
    to text: inout RecordText
  ) {
    text.write(atMost: ConnectionLog.maximumLength(hasTLS ? tls : nil)) { cursor in
      switch format {
      case .json: appendFields(JSONFields.self, flow, digests, tls, &cursor)
      case .zeek: appendFields(ZeekFields.self, flow, digests, tls, &cursor)
      }
    }
  }

  @inline(__always)
  private func appendFields<Fields: RecordFields>(
    _ fields: Fields.Type, _ flow: UnsafePointer<FlowRecord>, _ digests: StreamDigestPair?, _ tls: TLSHandshake?,
    _ text: inout TextCursor
  ) {
    let key = flow.pointee.key
    let isTCP = key.protocolNumber == 6
    let duration = flow.pointee.lastTimestamp.since(flow.pointee.firstTimestamp)
    let hasDuration = duration > 0
    fields.begin(&text)
    fields.time("ts", flow.pointee.firstTimestamp, &text)
    fields.uid("uid", FlowUID(flow), &text)
    fields.address("id.orig_h", key.source, &text)
    fields.port("id.orig_p", key.sourcePort, &text)
    fields.address("id.resp_h", key.destination, &text)
    fields.port("id.resp_p", key.destinationPort, &text)
    fields.enumeration("proto", key.transportName, &text)
    fields.interval("duration", hasDuration ? duration : nil, &text)
    fields.count("orig_bytes", isTCP || hasDuration ? flow.pointee.client.streamBytes : nil, &text)
    fields.count("resp_bytes", isTCP || hasDuration ? flow.pointee.server.streamBytes : nil, &text)
    fields.string("conn_state", ConnectionState(flow).recordName, &text)
    fields.count("missed_bytes", flow.pointee.client.missedBytes &+ flow.pointee.server.missedBytes, &text)
    fields.history("history", flow, &text)
    fields.count("orig_pkts", flow.pointee.client.packets, &text)
    fields.count("orig_ip_bytes", flow.pointee.client.ipBytes, &text)
    fields.count("resp_pkts", flow.pointee.server.packets, &text)
    fields.count("resp_ip_bytes", flow.pointee.server.ipBytes, &text)
    fields.integer("vlan", key.vlan > 0 ? UInt64(key.vlan) : nil, &text)
    fields.integer("inner_vlan", key.innerVLAN > 0 ? UInt64(key.innerVLAN) : nil, &text)
    fields.string("orig_state", isTCP ? TCPState.recordName(flow.pointee.client.state) : nil, &text)
    fields.string("resp_state", isTCP ? TCPState.recordName(flow.pointee.server.state) : nil, &text)
    fields.string("end", flow.pointee.end.recordName, &text)
    fields.count("orig_retransmits", isTCP ? UInt64(flow.pointee.client.retransmits) : nil, &text)
    fields.count("resp_retransmits", isTCP ? UInt64(flow.pointee.server.retransmits) : nil, &text)
    fields.count("orig_out_of_order", isTCP ? UInt64(flow.pointee.client.outOfOrder) : nil, &text)
    fields.count("resp_out_of_order", isTCP ? UInt64(flow.pointee.server.outOfOrder) : nil, &text)
    fields.boolean("midstream", isTCP ? flow.pointee.isMidstream : nil, &text)
    fields.count("orig_rtt_us", flow.pointee.client.roundTrip, &text)
    fields.count("resp_rtt_us", flow.pointee.server.roundTrip, &text)
    if hasCommunityID { fields.communityID("community_id", key, &text) }
    if hasStreamDigests {
      // What the originator sent is what the server's stack took, and the other way round.
      let digests = digests ?? (isTCP ? StreamDigestPair(client: .empty, server: .empty) : nil)
      fields.count("orig_contiguous_bytes", digests?.server.count, &text)
      fields.digest("orig_sha256", digests?.server, &text)
      fields.count("resp_contiguous_bytes", digests?.client.count, &text)
      fields.digest("resp_sha256", digests?.client, &text)
    }
    if hasTLS { append(tls, fields, &text) }
    fields.end(&text)
  }

  @inline(never)
  private func append<Fields: RecordFields>(
    _ tls: TLSHandshake?, _ fields: Fields.Type, _ text: inout TextCursor
  ) {
    fields.string("tls_version", tls?.zeekVersion, &text)
    fields.text("server_name", tls?.serverName, &text)
    fields.text("ja3", tls?.ja3, &text)
    fields.text("ja3s", tls?.ja3s, &text)
    fields.text("ja4", tls?.ja4, &text)
  }
}

extension EndpointCounters {
  fileprivate var roundTrip: UInt64? { roundTripMicroseconds > 0 ? UInt64(roundTripMicroseconds) : nil }
}

extension FlowKey {
  /// Zeek's `proto`.
  var transportName: StaticString {
    switch protocolNumber {
    case 6: "tcp"
    case 17: "udp"
    case 1, 58: "icmp"
    default: "unknown_transport"
    }
  }
}

extension TCPState {
  /// The name of the state with a raw value, as it lies in `EndpointCounters.state`.
  static func recordName(_ rawValue: UInt8) -> StaticString { (TCPState(rawValue: rawValue) ?? .closed).recordName }
}
