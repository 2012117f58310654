import TestSupport
import Testing

@testable import Middleboxes

extension Tshark {
  /// For each connection the values of fields of HTTP, each in its order, one line a connection, sorted.
  fileprivate static func conversations(_ capture: String, _ fields: [String]) throws -> [String] {
    // One bar is between the values of a packet.
    let text = try run(
      [
        "-n", "-r", capture, "-Y", "http", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=|", "-e",
        "tcp.stream",
      ]
        + fields.flatMap { ["-e", $0] })
    var values: [Substring: [[Substring]]] = [:]
    for line in text.split(separator: "\n") {
      let columns = line.split(separator: "\t", omittingEmptySubsequences: false)
      for (index, column) in columns.dropFirst().enumerated() where !column.isEmpty {
        values[columns[0], default: Array(repeating: [], count: fields.count)][index] += column.split(separator: "|")
      }
    }
    return values.values.map { $0.map { $0.joined(separator: "|") }.joined(separator: " // ") }.sorted()
  }
}

/// Captures in which the bodies are whole: of others tshark leaves responses out, or counts what was sent again.
private let names: Set<String> = [
  "arkime/80211http.pcap", "arkime/CVE-2018-6794.pcap", "arkime/http-100-continue.pcap", "arkime/http-basicauth.pcap",
  "arkime/http-content-gzip.pcap", "arkime/http-content-zip.pcap", "arkime/http-empty-useragent.pcap",
  "arkime/http-simple-get.pcap", "arkime/http-wrapped-header.pcap", "arkime/http-xff.pcap", "arkime/v6-http.pcap",
  "arkime/websocket.pcap", "real/chris__http_espn_fail.pcapng", "real/chris__http_ip4and6.pcapng",
  "real/chris__tcp_ports.pcapng", "real/ndpi__ocs.pcap", "real/ndpi__ocsp.pcapng", "real/pcpp__one_tcp_stream.pcap",
  "real/pcpp__tcp-reassembly.pcap", "real/tcpflow__bug8.pcap", "real/tcpflow__test1.pcap", "real/tcpflow__test2.pcap",
  "zeek/wikipedia.pcap", "traces/http.pcap", "traces/ipv6.pcap", "traces/mixed.pcap", "traces/fragments.pcap",
]

private let wholeCaptures = SharedMaterial.captures().filter { path in
  names.contains(path.split(separator: "/").suffix(2).joined(separator: "/"))
}

@Suite("HTTP in captures is what tshark finds", .enabled(if: Tshark.isThere, "tshark is not in /usr/bin: skipped"))
struct HTTPOracleTests {
  /// tshark's fields and the buffers that are the same.
  private static let fields = [
    ("http.request.method", "http.method"), ("http.request.uri", "http.uri.raw"), ("http.host", "http.host.raw"),
    ("http.user_agent", "http.user_agent"), ("http.response.code", "http.stat_code"),
  ]

  private static func conversations(_ capture: String) throws -> [String] {
    try HTTPCaptureReader(path: capture).conversations.map { entries in
      fields.map { field in
        entries.filter { $0.name == field.1 && !$0.bytes.isEmpty }.map(\.text).joined(separator: "|")
      }.joined(separator: " // ")
    }.sorted()
  }

  @Test("in captures of the field", arguments: wholeCaptures)
  func inCapture(_ capture: String) throws {
    let found = try Self.conversations(capture)
    let expected = try Tshark.conversations(capture, Self.fields.map(\.0))
    #expect(found == expected)
  }
}
