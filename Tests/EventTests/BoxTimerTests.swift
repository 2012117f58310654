import EventDSL
import EventSupport
import Testing

/// Counts packets and says how many there were, at an interval of its own.
private struct Meter: Middlebox {
  let name: String
  let interval: BoxTimer
  let packets: Tally

  final class Tally {
    var count = 0
  }

  init(_ name: String, every duration: Duration) {
    self.name = name
    interval = BoxTimer(every: duration)
    packets = Tally()
  }

  var events: some EventGraph {
    On(.packet) { event in
      packets.count += 1
      if event.packet!.window == 3 { event.cancel(interval) }
      if event.packet!.window == 4 { event.schedule(interval, after: .milliseconds(250)) }
    }
    On(interval) { event in
      event.report("\(name)\(event.time.inScript): \(packets.count)")
      packets.count = 0
    }
  }
}

/// Goes off once behind the first connection of a wave.
private struct Wave: Middlebox {
  let over = BoxTimer()
  let size: Tally

  final class Tally {
    var count = 0
  }

  var events: some EventGraph {
    On(.connectionStart, at: .sender) { event in
      if size.count == 0 { event.schedule(over, after: .seconds(10)) }
      size.count += 1
      if size.count == 3 { event.cancel(over) }
    }
    On(over) { event in
      let packet = event.packet == nil ? "none" : "some"
      event.report("\(size.count) by \(event.time.inScript), \(event.hook) \(packet)")
      size.count = 0
    }
  }
}

@Suite("Timers of middleboxes")
struct BoxTimerTests {
  /// What is reported, which must be the same at any size of the burst.
  private func play(_ script: String, _ middleboxes: () -> [any Middlebox]) throws -> [String] {
    var all: [[String]] = []
    for burst in [1, 3, 32] {
      var runner = try EventScript(middleboxes(), burst: burst)
      all.append(try runner.play(script))
    }
    #expect(all[0] == all[1])
    #expect(all[0] == all[2])
    return all[0]
  }

  @Test("An interval counts from the first packet on, and goes on whether or not packets come")
  func interval() throws {
    let reports = try play(
      """
      0.5 c > S seq 0
      1.0 c > S seq 0
      1.499999999 c > S seq 0
      1.5 c > S seq 0
      4.6 c > S seq 0
      4.7 c > S seq 0
      5.5 c > S seq 0
      """
    ) { [Meter("", every: .seconds(1))] }
    #expect(reports == ["1.5: 3", "2.5: 1", "3.5: 0", "4.5: 0", "5.5: 2"])
  }

  @Test("Intervals of several middleboxes go on side by side, in the order of their times")
  func several() throws {
    let reports = try play("0 c > S seq 0\n0.95 c > S seq 0\n2.05 c > S seq 0") {
      [Meter("a ", every: .milliseconds(400)), Meter("b ", every: .milliseconds(700))]
    }
    #expect(
      reports == ["a 0.4: 1", "b 0.7: 1", "a 0.8: 0", "a 1.2: 1", "b 1.4: 1", "a 1.6: 0", "a 2.0: 0"])
  }

  @Test("An interval timer can be unset, and set for another time, from which it goes on")
  func change() throws {
    let reports = try play(
      """
      0 c > S seq 0
      1.5 c > S seq 0 win 4
      4.1 c > S seq 0 win 3
      20 c > S seq 0
      21 c > S seq 0 win 4
      22.5 c > S seq 0
      """
    ) { [Meter("", every: .seconds(1))] }
    #expect(
      reports == ["1.0: 1", "1.75: 1", "2.75: 0", "3.75: 0", "21.25: 3", "22.25: 0"])
  }

  @Test("A timer that handlers set goes off once, for all flows together")
  func oneShot() throws {
    let reports = try play(
      """
      1 c > S seq 0 port 1000
      2 c > S seq 0 port 1001
      15 c > S seq 0 port 1002
      26 c > S seq 0 port 1003
      27 c > S seq 0 port 1004
      28 c > S seq 0 port 1005
      60 c > S seq 0 port 1006
      """
    ) { [Wave(size: Wave.Tally())] }
    #expect(reports == ["2 by 11.0, timer none", "1 by 25.0, timer none"])
  }

  @Test("Over a long gap an interval timer goes off at each of its times, as long as they can be counted")
  func gap() throws {
    let reports = try play("0 c > S seq 0\n7200 c > S seq 0") { [Meter("", every: .seconds(1))] }
    #expect(reports.count == 7_200)
    #expect(reports.first == "1.0: 1")
    #expect(reports.last == "7200.0: 0")
  }

  @Test("Over a gap of years the latest times are gone through, in step", arguments: [1, 32])
  func years(burst: Int) throws {
    var script = try EventScript(Meter("", every: .microseconds(7)), burst: burst)
    let reports = try script.play("0 c > S seq 0\n100000000 c > S seq 0\n100000000.000008 c > S seq 0")
    // 10^14 µs are 14,285,714,285,714 intervals and 2 µs.
    #expect(reports.count == 100_000 + 1 || reports.count == 100_000 + 2)
    let last = script.allReports.last!.time.inScript
    #expect(last > 100_000_000 && last < 100_000_000.000_008)
    #expect(script.allReports.allSatisfy { ($0.time.nanoseconds - 1_700_000_000_000_000_000) % 7_000 == 0 })
  }
}
