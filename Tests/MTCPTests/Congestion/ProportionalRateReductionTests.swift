import Testing

@testable import MTCP

@Suite("Proportional rate reduction, RFC 6937")
struct ProportionalRateReductionTests {
  private let size: UInt32 = 1_000

  /// What is sent at each of `acknowledgments`, each of which delivers one segment; of the first flight `lost` are lost.
  private func run(flight: UInt32, lost: UInt32, threshold: UInt32, acknowledgments: Int) -> [UInt32] {
    var reduction = ProportionalRateReduction(
      flightSize: flight * size, threshold: threshold * size, maximumSegmentSize: size)
    var pipe = (flight - lost) * size
    var sent: [UInt32] = []
    for _ in 0..<acknowledgments {
      pipe -= min(pipe, size)
      let allowed = reduction.acknowledge(size, pipe: pipe) / size * size
      reduction.send(allowed)
      pipe += allowed
      sent.append(allowed / size)
    }
    return sent
  }

  private func allowed(_ reduction: inout ProportionalRateReduction, _ bytes: UInt32, pipe: UInt32) -> UInt32 {
    reduction.acknowledge(bytes, pipe: pipe)
  }

  @Test("One loss of 20: a segment is sent for every second acknowledgment, and the window ends at half")
  func evenly() {
    let sent = run(flight: 20, lost: 1, threshold: 10, acknowledgments: 19)
    #expect(sent.reduce(0, +) == 10)
    #expect(Array(sent.prefix(14)) == (0..<14).map { $0.isMultiple(of: 2) ? 0 : 1 })
  }

  @Test("15 losses of 20: what is left is less than the threshold, and grows towards it as in slow start")
  func belowThreshold() {
    let sent = run(flight: 20, lost: 15, threshold: 10, acknowledgments: 5)
    #expect(sent == [2, 2, 2, 2, 2])
  }

  @Test("Never more under way than the threshold where there is less than that")
  func bounded() {
    var reduction = ProportionalRateReduction(flightSize: 20_000, threshold: 10_000, maximumSegmentSize: size)
    #expect(allowed(&reduction, 15_000, pipe: 9_500) == 500)
    #expect(allowed(&reduction, .max, pipe: 0) == 10_000)
    #expect(allowed(&reduction, 0, pipe: 10_000) == 0)
  }

  @Test("A flight of nothing is no division by zero")
  func empty() {
    var reduction = ProportionalRateReduction(flightSize: 0, threshold: 0, maximumSegmentSize: size)
    #expect(allowed(&reduction, 0, pipe: 1) == 0)
  }
}
