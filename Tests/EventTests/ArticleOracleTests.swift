import EventDSL
import Foundation
import Testing

/// What tshark says of a capture of `traces/`.
private enum Tshark {
  static let path = "/usr/bin/tshark"
  static let isThere = FileManager.default.isExecutableFile(atPath: path)

  /// The fields of the packets that a display filter selects, one array a packet.
  static func fields(_ names: String..., of capture: String, where filter: String) throws -> [[String]] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments =
      ["-n", "-r", Playback.path(of: capture), "-Y", filter, "-T", "fields"] + names.flatMap { ["-e", $0] }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map {
      $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
  }
}

@Suite(
  "What the articles' middleboxes find, tshark finds",
  .enabled(if: Tshark.isThere, "tshark is not in /usr/bin: skipped"))
struct ArticleOracleTests {
  @Test("How many bytes each server sent", arguments: ["http", "loss", "half-close", "tls", "reset"])
  func bytes(capture: String) throws {
    struct Connection {
      var hosts: [String]
      var end = 0
    }
    var connections: [String: Connection] = [:]
    for packet in try Tshark.fields(
      "tcp.stream", "ip.src", "ip.dst", of: capture, where: "tcp.flags.syn == 1 && tcp.flags.ack == 0")
    {
      connections[packet[0]] = Connection(hosts: [packet[1], packet[2]])
    }
    for packet in try Tshark.fields("tcp.stream", "ip.src", "tcp.nxtseq", of: capture, where: "tcp.len > 0") {
      guard var connection = connections[packet[0]], connection.hosts[1] == packet[1] else { continue }
      // Of relative sequence numbers the SYN has 0, and the FIN one behind the last byte.
      connection.end = max(connection.end, try #require(Int(packet[2])) - 1)
      connections[packet[0]] = connection
    }
    let expected = connections.values.map { "\($0.hosts[1]) sent \($0.end) bytes to \($0.hosts[0])" }
    #expect(!expected.isEmpty)
    #expect(try Playback(LookStep.LeakGuard(), on: capture).reports.sorted() == expected.sorted())
  }

  @Test("The packet with which more than 64 KiB have come, and how many those are")
  func leak() throws {
    var end = 0
    var expected: [String] = []
    // No segment before the limit is missing for good, so that what came is what was sent up to here.
    for packet in try Tshark.fields(
      "tcp.nxtseq", "ip.dst", "tcp.analysis.lost_segment", of: "loss", where: "tcp.srcport == 80 && tcp.len > 0")
    {
      guard expected.isEmpty else { break }
      if packet[2].isEmpty { end = max(end, try #require(Int(packet[0])) - 1) }
      if end > 65_536 { expected.append("\(end) bytes to \(packet[1])") }
    }
    #expect(try Playback(RaiseStep.LeakGuard(), on: "loss").reports == expected)
  }

  @Test("Where a segment is missing when the next one comes")
  func holes() throws {
    var expected: [String] = []
    var end = 0
    for packet in try Tshark.fields(
      "frame.number", "tcp.seq", "tcp.nxtseq", "tcp.analysis.lost_segment", of: "loss",
      where: "tcp.srcport == 80 && tcp.len > 0")
    {
      let first = try #require(Int(packet[1])) - 1
      if !packet[3].isEmpty { expected.append("packet \(packet[0]): \(end)..<\(first) is missing") }
      end = max(end, try #require(Int(packet[2])) - 1)
    }
    #expect(expected.count == 4)
    #expect(try Playback(Holes(), on: "loss").reports == expected)
  }

  @Test("The requests, and the answers that failed")
  func requests() throws {
    let requests = try Tshark.fields(
      "http.request.method", "http.request.uri", "http.request.version", of: "http", where: "http.request")
    #expect(try Playback(RequestLines(), on: "http").reports == requests.map { $0.joined(separator: " ") })
    let failed = try Tshark.fields("http.response.code", "ip.dst", of: "http", where: "http.response.code >= 400")
    #expect(try Playback(FailedAnswers(), on: "http").reports == failed.map { "status \($0[0]) for \($0[1])" })
  }

  @Test("On which connections nothing comes for half a second")
  func silence() throws {
    var ends: [String] = []
    for port in ["7003", "7002"] {
      var last: Double?
      for packet in try Tshark.fields("frame.time_relative", of: "probes", where: "tcp.port == \(port) && !icmp") {
        let time = try #require(Double(packet[0]))
        if let last, time - last > 0.5, !ends.contains(port) { ends.append(port) }
        last = time
      }
    }
    let reports = try Playback(FirstWords(), on: "probes").reports
    #expect(
      ends.map { "port \($0): timeout, client established, server established" }
        == reports.filter { $0.contains("timeout") })
  }
}
