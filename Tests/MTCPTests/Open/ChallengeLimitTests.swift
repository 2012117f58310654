import MOSCore
import Testing

@testable import MTCP

@Suite("Challenge ACKs, RFC 5961 7")
struct ChallengeLimitTests {
  private func admitted(_ limit: inout ChallengeLimit, _ times: Range<Int>, each interval: Double) -> Int {
    times.count { limit.admits(at: seconds(Double($0) * interval)) }
  }

  @Test("Ten at once, and two a second behind them")
  func burst() {
    var limit = ChallengeLimit()
    #expect(admitted(&limit, 0..<100, each: 0) == 10)
    #expect(admitted(&limit, 1..<2, each: 0.499) == 0)
    #expect(admitted(&limit, 5..<105, each: 0.1) == 20)
    #expect(admitted(&limit, 0..<100, each: 1_000) > 90)
  }

  @Test("After five quiet seconds there are ten again, and not more")
  func recovers() {
    var limit = ChallengeLimit()
    _ = admitted(&limit, 0..<10, each: 0)
    #expect((0..<50).count { _ in limit.admits(at: seconds(5)) } == 10)
    #expect((0..<50).count { _ in limit.admits(at: seconds(3_600)) } == 10)
  }

  @Test("A clock that is set back by a day keeps none from being sent for longer than five seconds")
  func clock() {
    var limit = ChallengeLimit()
    _ = admitted(&limit, 0..<10, each: 0)
    #expect(admitted(&limit, -1..<0, each: 86_400) == 0)
    #expect((0..<50).count { _ in limit.admits(at: seconds(-86_395)) } > 0)
  }
}
