import MTCP
import Testing

@Suite("Kept streams against a model")
struct KeptStreamScriptTests {
  @Test("random appends, gaps, discards, limits and lack of blocks", arguments: 0..<40)
  func randomScripts(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed) + 1)
    var script = generator.bytes(4)
    // Half of the scripts have next to no blocks.
    script[0] = seed % 2 == 0 ? script[0] | 0x10 : script[0] & 7
    for _ in 0..<120 {
      var step = generator.bytes(4)
      // What ends a stream's history is rarer than the rest.
      if [7, 12, 13, 14].contains(step[0] & 15), generator.next() % 4 != 0 { step[0] &= 0xf0 }
      script += step
    }
    let difference = script.withUnsafeBytes { KeptStreamScript.play($0) }
    #expect(difference == nil, "\(difference ?? "")")
  }
}
