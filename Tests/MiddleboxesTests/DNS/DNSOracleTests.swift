import TestSupport
import Testing

@testable import Middleboxes

/// Captures with queries to port 53.
private let names: Set<String> = [
  "arkime/v6.pcap", "real/arkime__gre-sample.pcap", "real/chris__http_espn_fail.pcapng", "real/ndpi__6in4tunnel.pcap",
  "real/ndpi__netflix.pcap", "real/ndpi__ocs.pcap", "real/sv__dns-tcp-ts-gap.pcap", "zeek/tunnels__Teredo.pcap",
  "zeek/wikipedia.pcap", "traces/mixed.pcap",
]

private let captures = SharedMaterial.captures().filter { path in
  names.contains(path.split(separator: "/").suffix(2).joined(separator: "/"))
}

private let fuzzed = SharedMaterial.captures().filter { $0.hasSuffix("real/ndpi__fuzz-2006-06-26-2594.pcap") }

@Suite(
  "Names of DNS in captures are what tshark finds", .enabled(if: Tshark.isThere, "tshark is not in /usr/bin: skipped"))
struct DNSOracleTests {
  private static func expected(_ capture: String, _ condition: String = "") throws -> [String] {
    // What ICMP quotes is no query.
    let filter = "(udp.port==53 or tcp.port==53) && dns.flags.response==0 && !icmp && !icmpv6" + condition
    let text = try Tshark.run(["-n", "-r", capture, "-Y", filter, "-T", "fields", "-e", "dns.qry.name"])
    return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init).sorted()
  }

  private static func found(_ capture: String) throws -> [String] {
    try DNSCaptureReader(path: capture).names.map { String(decoding: $0, as: UTF8.self) }.sorted()
  }

  @Test("in captures of the field", arguments: captures)
  func inCapture(_ capture: String) throws {
    #expect(try Self.found(capture) == Self.expected(capture))
  }

  @Test("in what a fuzzer made of queries, as far as they are whole and can be printed", arguments: fuzzed)
  func inFuzzedCapture(_ capture: String) throws {
    func isPrinted(_ name: String) -> Bool {
      name.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != 0x5c && $0 != 0x3c } && !name.isEmpty
    }
    let expected = try Self.expected(capture, " && !_ws.malformed").filter(isPrinted)
    let found = try Self.found(capture)
    #expect(expected.count > 150)
    for name in Set(expected) {
      #expect(found.count { $0 == name } >= expected.count { $0 == name }, "\(name)")
    }
  }
}
