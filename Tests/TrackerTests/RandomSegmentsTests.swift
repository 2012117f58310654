import MOSCore
import MTCP
import TestSupport
import Testing

@testable import DualStackTracker

@Suite("Random segments")
struct RandomSegmentsTests {
  @Test("Nothing crashes, every byte is accounted for, every flow ends once, nothing is left", arguments: 0..<8)
  func anything(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed) + 77)
    var script = TrackerScript {
      $0.maximumFlows = [1_000, 20, 1][seed % 3]
      $0.bufferBytes = [1 << 24, 16 << 10, 0][seed / 2 % 3]
      $0.sideBufferBytes = [1 << 20, 4_096][seed % 2]
      $0.overlapPolicy = OverlapPolicy.allCases[seed % OverlapPolicy.allCases.count]
      $0.comparesRetransmissions = seed % 4 != 3
      $0.midstream = seed % 5 != 4
    }
    for (step, segment) in RandomSegments.make(count: 20_000, plain: seed % 2 == 1, &generator).enumerated() {
      script.play(segment)
      script.forget()
      if step % 100 == 0 {
        let problem = script.ledger.problem(in: script.tracker, finished: false)
        #expect(problem == nil, "step \(step): \(problem ?? "")")
        if problem != nil { return }
      }
    }
    script.finish()
    #expect(script.tracker.unconfirmed.count == 0)
    #expect(script.tracker.connections.count == 0)
    #expect(script.tracker.records.count == 0)
    #expect(script.tracker.wheel.count == 0)
  }
}
