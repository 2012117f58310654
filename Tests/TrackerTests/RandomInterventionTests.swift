import TestSupport
import Testing

@testable import DualStackTracker

/// Random segments, with random things done to them between the ends.
@Suite("Random interventions")
struct RandomInterventionTests {
  @Test("Nothing crashes, every byte is accounted for, every flow ends once, nothing is left", arguments: 0..<6)
  func anything(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed) + 377)
    var script = TrackerScript {
      $0.maximumFlows = [1_000, 20][seed % 2]
      $0.bufferBytes = [1 << 24, 16 << 10, 0][seed / 2 % 3]
      $0.comparesRetransmissions = seed % 4 != 3
    }
    for (step, segment) in RandomSegments.make(count: 10_000, plain: seed % 3 != 0, &generator).enumerated() {
      var segment = segment
      segment.isDropped = generator.once(in: 8)
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
  }
}
