import Foundation
import Testing

@testable import DualStackTracker
@testable import MOSCore
@testable import Records

@Suite("Statistics")
struct ReplayStatisticsTests {
  private func statistics(_ seed: UInt64) -> ReplayStatistics {
    var generator = SeededGenerator(state: seed)
    func some() -> UInt64 { .random(in: 1..<1_000_000, using: &generator) }
    var result = ReplayStatistics()
    result.packets = some()
    result.bytes = some()
    for kind in PacketKind.allCases { result.packetKinds[Int(kind.rawValue)] = some() }
    for kind in EventKind.allCases { result.events[Int(kind.rawValue)] = some() }
    for anomaly in Anomaly.allCases { result.anomalies[Int(anomaly.rawValue)] = some() }
    result.dropped = some()
    withUnsafeMutableBytes(of: &result.tracker) { bytes in
      let words = bytes.bindMemory(to: UInt64.self)
      for index in words.indices { words[index] = some() }
    }
    result.elapsedNanoseconds = some()
    result.peakAnonymousBytes = some()
    return result
  }

  private func json(_ statistics: ReplayStatistics) throws -> [String: Any] {
    try parsed(written { statistics.appendJSON(to: &$0) })
  }

  private func numbers(_ object: Any?) throws -> [String: UInt64] { try #require(object as? [String: UInt64]) }

  @Test("the object has every event and anomaly by name, and the documented members")
  func object() throws {
    let statistics = statistics(1)
    let object = try json(statistics)
    for name in [
      "packets", "bytes", "flows", "events", "anomalies", "dropped", "malformed", "evicted", "seconds",
      "packets_per_second", "peak_rss_bytes", "workers",
    ] {
      #expect(object[name] != nil, "\(name)")
    }
    #expect(Set(try numbers(object["events"]).keys) == Set(EventKind.allCases.map(\.name)))
    #expect(Set(try numbers(object["anomalies"]).keys) == Set(Anomaly.allCases.map(\.name)))
    #expect(try numbers(object["anomalies"])["dataAfterFin"] == statistics[Anomaly.dataAfterFin])
    #expect(try numbers(object["events"])["gap"] == statistics[EventKind.gap])
    #expect(
      try numbers(object["flows"]) == [
        "tcp": statistics.tracker.tcpFlows, "udp": statistics.tracker.udpFlows, "icmp": statistics.tracker.icmpFlows,
      ])
    #expect(object["evicted"] as? UInt64 == statistics.tracker.evictedFlows)
    #expect(object["malformed"] as? UInt64 == statistics[PacketKind.malformed])
    #expect(object["loops"] == nil)
  }

  @Test("two workers together have the sums, the longer time and the larger memory")
  func addition() throws {
    let (a, b) = (statistics(2), statistics(3))
    let (left, right, sum) = (try json(a), try json(b), try json(a + b))
    for name in ["packets", "bytes", "dropped", "malformed", "evicted", "closed", "orphan_packets"] {
      let parts = try [left, right].map { try #require($0[name] as? UInt64) }
      #expect(sum[name] as? UInt64 == parts[0] + parts[1], "\(name)")
    }
    for name in ["events", "anomalies", "flows", "payload_bytes", "packet_kinds"] {
      let parts = try [left, right].map { try numbers($0[name]) }
      #expect(try numbers(sum[name]) == parts[0].merging(parts[1], uniquingKeysWith: +), "\(name)")
    }
    #expect((a + b).elapsedNanoseconds == max(a.elapsedNanoseconds, b.elapsedNanoseconds))
    #expect((a + b).peakAnonymousBytes == max(a.peakAnonymousBytes, b.peakAnonymousBytes))
    #expect(sum["workers"] as? Int == 2)
  }

  @Test("no counter of the tracker is forgotten when workers are added up")
  func everyCounter() {
    let (a, b) = (statistics(4), statistics(5))
    let words = { (statistics: ReplayStatistics) in
      withUnsafeBytes(of: statistics.tracker) { Array($0.bindMemory(to: UInt64.self)) }
    }
    #expect(words(a + b) == zip(words(a), words(b)).map { $0 + $1 })
  }

  @Test("counting sets counts each member once")
  func counting() {
    var statistics = ReplayStatistics()
    statistics.count(EventSet.all)
    statistics.count(EventKind.gap)
    statistics.count(EventSet(rawValue: .max))
    var set = AnomalySet(.receiveBufferLimit)
    set.insert(.frameTruncated)
    statistics.count(set)
    statistics.count(AnomalySet(rawValue: .max))
    statistics.count(PacketKind.malformed)
    #expect(statistics[EventKind.packet] == 2 && statistics[EventKind.gap] == 3)
    #expect(statistics[Anomaly.receiveBufferLimit] == 2 && statistics[Anomaly.ackTooOld] == 1)
    #expect(statistics.malformed == 1)
  }

  @Test("rates are exact, and nothing is divided by zero")
  func rates() throws {
    var statistics = ReplayStatistics()
    #expect(statistics.packetsPerSecond == 0 && statistics.picosecondsPerPacket == 0)
    statistics.packets = 3000
    statistics.loops = 3
    statistics.elapsedNanoseconds = 1_500_000
    statistics.fastestLoopNanoseconds = 400_000
    #expect(statistics.packetsPerSecond == 2_000_000)
    let object = try json(statistics)
    #expect(object["seconds"] as? Double == 0.0015 && object["loops"] as? Int == 3)
    #expect(object["ns_per_packet"] as? Double == 500 && object["ns_per_packet_min"] as? Double == 400)
    statistics.packets = .max
    statistics.elapsedNanoseconds = 1
    #expect(statistics.packetsPerSecond == .max)
    statistics.loops = 0
    #expect(statistics.fastestPicosecondsPerPacket == 0)
  }

  @Test("the summary fits a screen even when everything happened, and leaves out what did not")
  func text() {
    let full = statistics(6).description
    let lines = full.split(separator: "\n")
    #expect(lines.count <= 24 + 10 && lines.allSatisfy { $0.count <= 110 })
    for anomaly in Anomaly.allCases { #expect(full.contains(anomaly.name)) }
    var small = ReplayStatistics()
    small.packets = 1_234_567
    small.bytes = 98_765_432
    small.elapsedNanoseconds = 2_000_000_000
    small.count(EventKind.gap)
    #expect(
      small.description == """
        packets    1,234,567, 98.7 MB in 2.000 s: 617,283 packets/s, 49.3 MB/s
        events     gap 1

        """)
    #expect(ReplayStatistics().description == "packets    0, 0 bytes\n")
  }

  @Test("numbers have groups, sizes have units")
  func numbers() {
    #expect(
      [0, 12, 999, 1000, 123_456, 1_000_000, .max].map(SummaryLines.grouped)
        == ["0", "12", "999", "1,000", "123,456", "1,000,000", "18,446,744,073,709,551,615"])
    #expect(
      [999, 1000, 1999, 123_456_789, .max].map(SummaryLines.bytes)
        == ["999 bytes", "1.0 kB", "1.9 kB", "123.4 MB", "18,446.7 PB"])
  }

  @Test("EVE's stats is one line with the decoder's and the tracker's counters")
  func eve() throws {
    let statistics = statistics(7)
    let object = try parsed(
      written {
        EVE.append(
          stats: statistics, start: Timestamp(nanoseconds: 0), timestamp: Timestamp(nanoseconds: 5_000_000_000), to: &$0
        )
      })
    let stats = try #require(object["stats"] as? [String: Any])
    #expect(object["event_type"] as? String == "stats" && stats["uptime"] as? Int == 5)
    #expect((stats["decoder"] as? [String: UInt64])?["pkts"] == statistics.packets)
    #expect((stats["flow"] as? [String: UInt64])?["tcp"] == statistics.tracker.tcpFlows)
  }
}

@Suite("Wrong checksums by sender")
struct SenderChecksumsTests {
  private func address(_ number: UInt32) -> IPAddress { IPAddress(v4: 0x0a00_0000 + number) }

  @Test("a host behind offload is named with its counts, and the summary names the option")
  func offload() throws {
    var statistics = ReplayStatistics()
    for _ in 0..<50 { statistics.checksums.count(source: address(1), isWrong: true) }
    for _ in 0..<50 { statistics.checksums.count(source: address(1), isWrong: false) }
    for _ in 0..<90 { statistics.checksums.count(source: address(2), isWrong: false) }
    let suspect = try #require(statistics.checksums.suspect)
    #expect(suspect.address == address(1) && suspect.wrong == 50 && suspect.packets == 100)
    #expect(
      statistics.description.contains(
        "50 of 100 packets from 10.0.0.1 have wrong TCP checksums: captured with offload? use --checksum ignore"))
    let doubled = try #require((statistics + statistics).checksums.suspect)
    #expect(doubled.wrong == 100 && doubled.packets == 200)
  }

  @Test("a few wrong checksums are noise")
  func noise() {
    var checksums = SenderChecksums()
    for _ in 0..<9 { checksums.count(source: address(1), isWrong: true) }
    #expect(checksums.suspect == nil)
    for _ in 0..<91 { checksums.count(source: address(1), isWrong: false) }
    for _ in 0..<10 { checksums.count(source: address(1), isWrong: true) }
    #expect(checksums.suspect == nil)
  }

  @Test("the host is found among thousands of others that send before and after it", arguments: 0..<20 as Range<UInt32>)
  func crowd(_ seed: UInt32) {
    var checksums = SenderChecksums()
    for number in 0..<5000 as Range<UInt32> { checksums.count(source: address(number), isWrong: false) }
    for _ in 0..<500 { checksums.count(source: address(10_000 + seed), isWrong: true) }
    for number in 0..<5000 as Range<UInt32> { checksums.count(source: address(number), isWrong: false) }
    #expect(checksums.suspect?.address == address(10_000 + seed))
    #expect(checksums.suspect?.wrong == 500)
  }
}

@Suite("Progress and memory")
struct ProgressTests {
  private final class Screen {
    var text: [String] = []
  }

  @Test("the line is drawn at most ten times a second and is gone at the end")
  func drawing() {
    let screen = Screen()
    var bar = ProgressBar(isShown: true, now: 0) { screen.text.append($0) }
    for millisecond in UInt64(1)...2000 {
      bar.update(bytesRead: millisecond * 1000, total: 4_000_000, packets: millisecond, now: millisecond * 1_000_000)
    }
    #expect(screen.text.count == 20)
    #expect(
      screen.text.last
        == "\r[##########..........] 50 %, 2.0 MB of 4.0 MB, 2,000 packets, 1,000/s, 0:02 left\u{1b}[K")
    bar.finish()
    #expect(screen.text.last == "\r\u{1b}[K")
    bar.finish()
    #expect(screen.text.count == 21)
  }

  @Test("without a size there is no share, and more bytes than the size are all of it")
  func sizes() {
    let screen = Screen()
    var bar = ProgressBar(isShown: true, now: 0) { screen.text.append($0) }
    bar.update(bytesRead: 5, total: nil, packets: 1, now: 1_000_000_000)
    #expect(screen.text.last == "\r5 bytes, 1 packets, 1/s\u{1b}[K")
    bar.update(bytesRead: 50, total: 5, packets: 1, now: 2_000_000_000)
    #expect(screen.text.last?.contains("] 100 %, ") == true)
    bar.update(bytesRead: 0, total: 5, packets: 0, now: 3_000_000_000)
    #expect(screen.text.last?.contains("[....................] 0 bytes of 5 bytes") == true)
  }

  @Test("where there is no terminal nothing is written")
  func silence() {
    let screen = Screen()
    var bar = ProgressBar(isShown: false, now: 0) { screen.text.append($0) }
    bar.update(bytesRead: 5, total: nil, packets: 1, now: 1_000_000_000)
    bar.finish()
    #expect(screen.text.isEmpty)
  }

  @Test("anonymous memory grows by what is touched")
  func memory() throws {
    let before = MemoryUsage.anonymousBytes
    let size = 64 << 20
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
    defer { bytes.deallocate() }
    memset(bytes, 1, size)
    let after = MemoryUsage.anonymousBytes
    #expect(before > 0 && after > before + UInt64(size) / 2)
    let text = Array("Name:\tx\nRssAnon:\t    1234 kB\nRssFile:\t 5 kB\n".utf8)
    text.withUnsafeBytes { #expect(MemoryUsage.kilobytes(of: "RssAnon:", in: $0) == 1234) }
    text.withUnsafeBytes { #expect(MemoryUsage.kilobytes(of: "RssShmem:", in: $0) == 0) }
  }
}
