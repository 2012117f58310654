import Testing

@testable import MTCP

@Suite struct RoundTripEstimatorTests {
  @Test func beforeTheFirstSample() {
    let estimator = RoundTripEstimator()
    #expect(!estimator.hasSample && estimator.smoothed == 0 && estimator.retransmissionTimeout == 1_000_000)
  }

  /// RFC 6298 2.2: SRTT = R, RTTVAR = R / 2, RTO = SRTT + 4 RTTVAR.
  @Test func theFirstSample() {
    var estimator = RoundTripEstimator()
    estimator.sample(microseconds: 800_000)
    #expect(estimator.smoothed == 800_000 && estimator.variation == 400_000)
    #expect(estimator.retransmissionTimeout == 2_400_000)
  }

  /// RFC 6298 2.3, against the same formulas in floating point.
  @Test func laterSamples() {
    var generator = SeededGenerator(seed: 1)
    for scale in [50, 20_000, 3_000_000] as [UInt32] {
      var estimator = RoundTripEstimator()
      var smoothed = 0.0
      var variation = 0.0
      for round in 0..<2000 {
        let sample = UInt32.random(in: scale / 2...scale * 2, using: &generator)
        estimator.sample(microseconds: sample)
        if round == 0 {
          smoothed = Double(sample)
          variation = smoothed / 2
        } else {
          variation = 0.75 * variation + 0.25 * abs(smoothed - Double(sample))
          smoothed = 0.875 * smoothed + 0.125 * Double(sample)
        }
        #expect(abs(Double(estimator.smoothed) - smoothed) <= 8)
        #expect(abs(Double(estimator.variation) - variation) <= 8)
        let timeout = min(max(smoothed + 4 * variation, 1_000_000), 60_000_000)
        #expect(abs(Double(estimator.retransmissionTimeout) - timeout) <= 40)
      }
    }
  }

  @Test func theTimeoutDoublesUntilTheNextSample() {
    var estimator = RoundTripEstimator()
    estimator.sample(microseconds: 100_000)
    for expected in [1, 2, 4, 8, 16, 32, 60, 60] as [UInt32] {
      #expect(estimator.retransmissionTimeout == expected * 1_000_000)
      estimator.backOff()
    }
    for _ in 0..<300 { estimator.backOff() }
    #expect(estimator.retransmissionTimeout == 60_000_000)
    #expect(estimator.retransmissionTimeout(minimum: 200_000, maximum: 120_000_000) == 120_000_000)
    estimator.sample(microseconds: 100_000)
    #expect(estimator.retransmissionTimeout == 1_000_000)
    #expect(estimator.retransmissionTimeout(minimum: 200_000) == 100_000 + 4 * estimator.variation)
  }

  @Test func extremeSamples() {
    var estimator = RoundTripEstimator()
    for sample in [UInt32.max, 0, UInt32.max, UInt32.max, 0, 0, 1] {
      for _ in 0..<100 { estimator.sample(microseconds: sample) }
      #expect(estimator.hasSample && estimator.smoothed >= 1 && estimator.smoothed <= 1 << 28)
      #expect(estimator.retransmissionTimeout >= 1_000_000 && estimator.retransmissionTimeout <= 60_000_000)
    }
  }
}
