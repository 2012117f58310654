import ArgumentParser
import Foundation
import MOSCore
import MTCP
import Records
import Testing

@testable import mos

@Suite("Options of mos replay")
struct ReplayCommandTests {
  private func options(_ arguments: String...) throws -> ReplayOptions {
    try ReplayCommand.parse(arguments).options()
  }

  private func complaint(_ arguments: [String]) -> String? {
    do {
      _ = try ReplayCommand.parse(arguments).options()
      return nil
    } catch {
      return ReplayCommand.message(for: error)
    }
  }

  @Test("without options there are the documented defaults")
  func defaults() throws {
    let options = try options("a.pcap", "b.pcap")
    #expect(options.files == ["a.pcap", "b.pcap"])
    #expect(options.filter == nil && options.connectionLog == nil && options.eve == nil && options.events == nil)
    #expect(options.extract == nil && !options.streamHash && !options.communityID)
    #expect(options.decoder.verifyChecksums && options.decoder.tunnels == .all)
    #expect(options.tracker.overlapPolicy == .linux && options.tracker.midstream && !options.tracker.urgentInline)
    #expect(options.tracker.distinguishesVLANs && options.tracker.maximumFlows == 1_000_000)
    #expect(options.tracker.idleTimeout == 7_440_000_000_000)
    #expect(options.tracker.halfOpenTimeout == 30_000_000_000)
    #expect(options.tracker.datagramTimeout == 60_000_000_000)
    #expect(options.workers == 1 && options.loops == 1 && !options.preload && options.speed == .maximum)
    #expect(!options.quiet && options.statistics == .text && !options.statisticsRequested)
  }

  @Test("every option arrives")
  func everyOption() throws {
    let options = try options(
      "--filter", "tcp port 80", "--conn-log", "c", "--conn-format", "zeek", "--stream-hash", "--community-id",
      "--eve", "-", "--events", "e", "--extract", "d", "--overlap-policy", "old-linux", "--checksum", "ignore",
      "--midstream", "no", "--vlan-tracking", "no", "--urgent-inline", "--tunnels", "gre,mpls", "--idle-timeout", "90",
      "--half-open-timeout", "500ms", "--udp-timeout", "1d2h3m4s", "--max-flows", "5", "--workers", "64", "--loop",
      "3", "--speed", "2.5x", "--quiet", "--stats", "json", "-")
    #expect(options.files == ["-"])
    #expect(options.filter == "tcp port 80")
    #expect(options.connectionLog == "c" && options.connectionFormat == .zeek)
    #expect(options.streamHash && options.communityID)
    #expect(options.eve == "-" && options.events == "e" && options.extract == "d")
    #expect(options.tracker.overlapPolicy == .oldLinux && !options.decoder.verifyChecksums)
    #expect(!options.tracker.midstream && !options.tracker.distinguishesVLANs && options.tracker.urgentInline)
    #expect(options.decoder.tunnels == [.gre, .mpls])
    #expect(options.tracker.idleTimeout == 90_000_000_000)
    #expect(options.tracker.halfOpenTimeout == 500_000_000)
    #expect(options.tracker.datagramTimeout == 93_784_000_000_000)
    #expect(options.tracker.maximumFlows == 5 && options.workers == 64 && options.loops == 3 && options.preload)
    #expect(options.speed == .times(2.5) && options.quiet)
    #expect(options.statistics == .json && options.statisticsRequested)
  }

  @Test("every overlap policy has a name", arguments: OverlapPolicy.allCases)
  func overlapPolicies(_ policy: OverlapPolicy) throws {
    #expect(try options("--overlap-policy", policy.name, "x").tracker.overlapPolicy == policy)
  }

  @Test("every encapsulation has a name, and all names are all encapsulations")
  func tunnels() throws {
    #expect(try options("--tunnels", TunnelChoice.list, "x").decoder.tunnels == .all)
    #expect(try options("--tunnels", "none", "x").decoder.tunnels == [])
    #expect(try options("--tunnels", "all", "x").decoder.tunnels == .all)
  }

  @Test("real time is a speed of one") func realTime() throws {
    #expect(try options("--speed", "real", "x").speed == .times(1))
  }

  @Test(
    "what cannot be done is refused, with the option's name",
    arguments: [
      (["--workers", "0", "x"], "--workers"), (["--workers", "65", "x"], "--workers"),
      (["--loop", "0", "x"], "--loop"),
      (["--loop", "-1", "x"], "--loop"), (["--max-flows", "0", "x"], "--max-flows"),
      (["--max-flows", "2147483648", "x"], "--max-flows"), (["--tunnels", "gre,", "x"], "--tunnels"),
      (["--tunnels", "ftp", "x"], "--tunnels"), (["--overlap-policy", "cisco", "x"], "--overlap-policy"),
      (["--checksum", "no", "x"], "--checksum"), (["--midstream", "maybe", "x"], "--midstream"),
      (["--speed", "0x", "x"], "--speed"), (["--speed", "nanx", "x"], "--speed"),
      (["--speed", "infx", "x"], "--speed"),
      (["--speed", "2", "x"], "--speed"), (["--idle-timeout", "0", "x"], "--idle-timeout"),
      (["--idle-timeout", "", "x"], "--idle-timeout"), (["--udp-timeout", "5q", "x"], "--udp-timeout"),
      (["--udp-timeout", "s", "x"], "--udp-timeout"), (["--udp-timeout", "1h5", "x"], "--udp-timeout"),
      (["--half-open-timeout", "99999999999999999999", "x"], "--half-open-timeout"),
      (["--half-open-timeout", "9223372036854775807d", "x"], "--half-open-timeout"),
      (["--half-open-timeout", "36525d1ms", "x"], "--half-open-timeout"), (["--stats", "xml", "x"], "--stats"),
      (["--conn-format", "xml", "--conn-log", "c", "x"], "--conn-format"), (["--stream-hash", "x"], "--conn-log"),
      (["--community-id", "x"], "--conn-log"), (["--conn-format", "zeek", "x"], "--conn-log"),
      (["--conn-log", "-", "--events", "-", "x"], "standard output"), (["-", "-"], "standard input"),
      (["--conn-log", "same", "--eve", "same", "x"], "same"), (["--eve", "x", "x"], "overwrite"),
      (["--events", "", "x"], "--events"), ([], "capture"), (["--no-such-option", "x"], "--no-such-option"),
    ] as [([String], String)])
  func refusals(_ arguments: [String], _ name: String) throws {
    let text = try #require(complaint(arguments))
    #expect(text.contains(name))
  }

  @Test("a capture is not overwritten under another name")
  func otherName() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("command-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let capture = folder.appendingPathComponent("a.pcap")
    try Data([1]).write(to: capture)
    let link = folder.appendingPathComponent("link").path
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: capture.path)
    #expect(complaint(["--conn-log", link, capture.path])?.contains("overwrite") == true)
    #expect(complaint(["--conn-log", link + "2", capture.path]) == nil)
    #expect(complaint(["--conn-log", "/dev/null", "--eve", "/dev/null", capture.path]) == nil)
  }
}
