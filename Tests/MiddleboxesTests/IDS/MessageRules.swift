import EventDSL
import EventSupport
import MOSCore
import Testing

@testable import Middleboxes

/// Tests of rules about messages.
protocol MessageRules {}

extension MessageRules {
  func rule(_ sid: Int, _ options: String, _ header: String = "alert tcp any any -> any any") -> String {
    "\(header) (msg:\"m\(sid)\"; \(options) sid:\(sid);)\n"
  }

  /// The sids of alerts, and the numbers of the clients' or servers' messages.
  func alerts(_ rules: String, _ turns: [(Side, String)]) throws -> [String] {
    try alerts(rules, bytes: turns.map { ($0, Array($1.utf8)) })
  }

  /// The same, which is to be so however the conversation is cut.
  func alerts(_ rules: String, bytes turns: [(Side, [UInt8])], port: UInt16 = 80) throws -> [String] {
    let results = try [1_460, 1, 7].map { segment in
      let (reports, _) = try play(rules, turns, port: port, segment: segment)
      return reports.compactMap(\.alert).map { "\($0.signature) \($0.sender) \($0.transaction.map { "\($0)" } ?? "-")" }
        .sorted()
    }
    #expect(results.allSatisfy { $0 == results[0] }, "\(results)")
    return results[0]
  }

  func play(
    _ rules: String, _ turns: [(Side, [UInt8])], port: UInt16 = 80, segment: Int, inline: Bool = false
  ) throws -> (reports: [Report], passed: Int) {
    let set = ruleSet(of: rules)
    try #require(set.errors.isEmpty, "\(set.errors)")
    var configuration = try IDSConfiguration(set)
    configuration.isInline = inline
    try #require(configuration.unused.isEmpty, "\(configuration.unused)")
    var script = try EventScript([try IDS(configuration)], burst: 1)
    script.play(
      frames: Conversation(turns: turns.map { (sender: $0, bytes: $1) }, serverPort: port).frames(segment: segment))
    script.finish()
    return (script.allReports, script.output.count)
  }
}
