import EventDSL
import Foundation
import MOSCore
import PacketIO
import TestSupport
import Testing

@testable import mos

private let tsharkPath = "/usr/bin/tshark"
private let hasTshark: Bool = FileManager.default.isExecutableFile(atPath: tsharkPath)

/// Holds what clients send, and lets it go when nothing has come for a while.
private struct LetsGoLater: Middlebox {
  let timer = FlowTimer()
  var events: some EventGraph {
    Filter(.packet) { event, control in
      if event.sender == .client { control.hold() }
      event.flow.schedule(timer, after: .milliseconds(1))
    }
    On(timer) { event in event.flow.releaseHeld(from: .client) }
  }
}

@Suite("mos replay --write-pcap")
struct WritePcapTests {
  /// A frame, compared in full.
  private struct Frame: Equatable {
    var bytes: [UInt8]
    var wireLength: UInt32
    var time: Timestamp
    var linkType: LinkType
  }

  private func frames(_ paths: [String]) throws -> [Frame] {
    var reader = try TraceReader(paths: paths)
    let frame = UnsafeMutablePointer<CapturedFrame>.allocate(capacity: 1)
    defer { frame.deallocate() }
    var frames: [Frame] = []
    while reader.next(into: frame, capacity: 1) == 1 {
      let bytes = UnsafeRawBufferPointer(start: frame.pointee.bytes, count: Int(frame.pointee.capturedLength))
      frames.append(
        Frame(
          bytes: Array(bytes), wireLength: frame.pointee.wireLength, time: frame.pointee.timestamp,
          linkType: frame.pointee.linkType))
    }
    return frames
  }

  private func file(_ name: String) throws -> String {
    try CommandProcess.temporaryFolder().appendingPathComponent(name).path
  }

  private func rules(_ action: String, port: Int) throws -> String {
    let path = try file("rules.yaml")
    let text = "default: pass\nrules:\n  - {name: closed, protocol: tcp, ports: \(port), action: \(action)}\n"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  /// Time, length and MD5 of each frame that tshark's display filter selects.
  private func tshark(_ path: String, _ filter: String) throws -> [Substring] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: tsharkPath)
    process.arguments =
      ["-n", "-r", path, "-o", "frame.generate_md5_hash:TRUE", "-Y", filter, "-T", "fields"]
      + ["frame.time_epoch", "frame.len", "frame.md5_hash"].flatMap { ["-e", $0] }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self).split(separator: "\n")
  }

  @Test(
    "without a middlebox that acts all packets leave, byte for byte, with their times to the nanosecond",
    arguments: [(false, nil), (true, nil), (true, 5)] as [(Bool, UInt64?)])
  func unchanged(isMonitored: Bool, explained: UInt64?) throws {
    for capture in SharedMaterial.captures() {
      let expected = try frames([capture])
      // What no pcap file can hold is left out.
      let first = expected.first?.linkType
      guard first != nil, expected.allSatisfy({ $0.linkType == first && $0.time.isInPcap }) else { continue }
      let path = try file("out.pcap")
      var settings = ReplayOptions()
      settings.files = [capture]
      settings.quiet = true
      settings.packetFile = path
      settings.middleboxes = isMonitored ? [try #require(MiddleboxChoice(named: "monitor"))] : []
      settings.explain = explained
      var engine = try ReplayEngine.open(settings)
      let problems = engine.run().outputProblems
      #expect(problems.isEmpty)
      #expect(try frames([path]) == expected, "\(capture)")
    }
  }

  @Test("what a firewall drops is not in the file, and all else is", .enabled(if: hasTshark, "tshark is not there"))
  func dropped() throws {
    let path = try file("out.pcap")
    let run = try CommandProcess.run(
      "replay", "--quiet", "--middlebox", "monitor", "--middlebox", "firewall", "--config",
      try rules("drop", port: 7001), "--write-pcap", path, CommandProcess.trace("mixed"))
    #expect(run.status == 0 && run.messages == "")
    let all = try tshark(CommandProcess.trace("mixed"), "frame")
    let kept = try tshark(CommandProcess.trace("mixed"), "!(tcp.port == 7001)")
    #expect(kept.count > 100 && kept.count < all.count)
    #expect(try tshark(path, "frame") == kept)
  }

  @Test("what a middlebox sends is in the file", .enabled(if: hasTshark, "tshark is not there"))
  func injected() throws {
    let path = try file("out.pcap")
    let run = try CommandProcess.run(
      "replay", "--quiet", "--middlebox", "firewall", "--config", try rules("reset", port: 7001), "--write-pcap", path,
      CommandProcess.trace("mixed"))
    #expect(run.status == 0)
    let kept = try tshark(CommandProcess.trace("mixed"), "!(tcp.port == 7001)")
    #expect(try tshark(path, "!(tcp.port == 7001)") == kept)
    // The client's SYN goes no further, and is answered; so is what the ends, in the capture, went on to send.
    #expect(try tshark(path, "tcp.port == 7001 && !(tcp.flags.reset == 1 && tcp.len == 0)").isEmpty)
    #expect(try tshark(path, "tcp.srcport == 7001 && tcp.flags == 0x014 && tcp.ack == 1").count == 1)
  }

  @Test("packets that a middlebox holds leave when it lets them go, also at the end of an epoch") func held() throws {
    let path = try file("out.pcap")
    var settings = ReplayOptions()
    // The last packets of one capture are let go by the time of the other.
    settings.files = [CommandProcess.trace("http"), CommandProcess.trace("mixed")]
    settings.quiet = true
    settings.packetFile = path
    settings.middleboxes = [MiddleboxChoice(name: "holds") { LetsGoLater() }]
    var engine = try ReplayEngine.open(settings)
    let result = engine.run()
    let counters = try #require(result.statistics.middleboxes)
    #expect(counters.held > 50 && counters.forwarded > counters.held)
    // What still waits when the trace ends goes nowhere.
    #expect(counters.forwarded + counters.dropped == result.statistics.packets && counters.dropped < 50)
    #expect(try frames([path]).count == Int(counters.forwarded))
    #expect(result.outputProblems.isEmpty)
  }

  @Test("standard output takes the packets, and text goes to standard error") func standardOutput() throws {
    let path = try file("out.pcap")
    let arguments = ["replay", "--quiet", "--stats", "text", "--write-pcap", "-", CommandProcess.trace("http")]
    let run = try CommandProcess.run(arguments, before: "exec >\(path)")
    #expect(run.status == 0 && run.messages.hasPrefix("packets "))
    #expect(try frames([path]) == frames([CommandProcess.trace("http")]))
  }

  @Test("a trace without a packet becomes a capture without one") func empty() throws {
    let source = try file("empty.pcap")
    try Data(try Data(contentsOf: URL(fileURLWithPath: CommandProcess.trace("http"))).prefix(24))
      .write(to: URL(fileURLWithPath: source))
    let path = try file("out.pcap")
    #expect(try CommandProcess.run("replay", "--quiet", "--write-pcap", path, source).status == 0)
    #expect(try frames([path]).isEmpty)
  }

  @Test("a full disk and a file that cannot be made are said in one line") func failures() throws {
    let full = try CommandProcess.run("replay", "--quiet", "--write-pcap", "/dev/full", CommandProcess.trace("http"))
    #expect(full.status == 3)
    #expect(full.messages.hasPrefix("mos: /dev/full: writing: No space left on device; "))
    #expect(full.messages.split(separator: "\n").count == 1)
    let nowhere = try CommandProcess.run("replay", "--write-pcap", "/nowhere/out.pcap", CommandProcess.trace("http"))
    #expect(nowhere.status == 3 && nowhere.messages == "mos: /nowhere/out.pcap: No such file or directory\n")
  }

  @Test("frames of two link types do not go into one file") func linkTypes() throws {
    let raw = try file("raw.pcap")
    var data = try Data(contentsOf: URL(fileURLWithPath: CommandProcess.trace("http")))
    data.replaceSubrange(20..<24, with: [101, 0, 0, 0])
    try data.write(to: URL(fileURLWithPath: raw))
    let run = try CommandProcess.run(
      "replay", "--quiet", "--write-pcap", try file("out.pcap"), CommandProcess.trace("http"), raw)
    #expect(run.status == 3 && run.messages.contains("one link type: after Ethernet"))
    #expect(run.messages.split(separator: "\n").count == 1)
  }

  @Test("several workers, the capture itself and a second writer of the file are refused, with the remedy")
  func refusals() throws {
    let trace = CommandProcess.trace("http")
    let before = try Data(contentsOf: URL(fileURLWithPath: trace))
    for (arguments, part) in [
      (["--write-pcap", "x", "--workers", "2"], "leave out --workers 2"),
      (["--write-pcap", trace], "would overwrite the capture"),
      (["--write-pcap", "x", "--conn-log", "x"], "both would write x"),
      (["--write-pcap", "-", "--events", "-"], "only one can go to standard output"),
    ] {
      let run = try CommandProcess.run(["replay"] + arguments + [trace])
      #expect(run.status == 2 && run.messages.contains(part), "\(arguments)")
      #expect(run.messages.split(separator: "\n").count == 1)
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: trace)) == before)
  }
}

extension Timestamp {
  /// Within what a pcap file's seconds can say.
  fileprivate var isInPcap: Bool { nanoseconds >= 0 && nanoseconds / 1_000_000_000 <= Int64(UInt32.max) }
}
