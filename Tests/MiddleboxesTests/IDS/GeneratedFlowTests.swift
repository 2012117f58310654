import EventDSL
import EventSupport
import Foundation
import MOSCore
import TestSupport
import Testing

@testable import Middleboxes

@Suite("Connections that are made from rules")
struct GeneratedFlowTests {
  private static let everywhere = IDSVariables(
    addresses: ["HOME_NET": "any", "EXTERNAL_NET": "any"],
    ports: Dictionary(
      uniqueKeysWithValues: ["HTTP", "SHELLCODE", "ORACLE", "SSH", "FTP", "FILE_DATA"].map { ($0 + "_PORTS", "any") }))

  /// Real rules where they are, else some of their kinds.
  private func rules() -> IDSRuleSet {
    if let folder = SharedMaterial.folder,
      let data = FileManager.default.contents(
        atPath: folder.appendingPathComponent("rules/subset1-tcp-content.rules").path)
    {
      return ruleSet(of: [UInt8](data), variables: Self.everywhere)
    }
    print("rules: the real ones are absent (set MOS_SHARED): a few are made up")
    return ruleSet(
      of: """
        alert tcp any any -> any 21 (flow:to_server,established; content:"USER root"; nocase; depth:9; sid:1;)
        alert tcp any 80 -> any any (flow:to_client,established; content:"evil|00 01|"; content:"tail"; distance:4; within:20; sid:2;)
        alert tcp any any -> any any (flow:to_server; content:"one"; content:"two"; fast_pattern; offset:30; sid:3;)
        alert tcp any any -> any any (flow:to_server; content:"whole"; startswith; endswith; sid:4;)
        """)
  }

  /// The sids of the alerts, by the number of the client.
  private func alerts(_ ids: IDS, _ flows: [RuleFlow], _ cut: RuleFlow.Cut, spoiled: Bool = false) throws -> [Set<
    UInt32
  >] {
    var script = try EventScript([ids], burst: 32) { $0.maximumFlows = 10_000 }
    for flow in flows { script.play(frames: flow.frames(cut, spoiled: spoiled)) }
    script.finish()
    var result = [Set<UInt32>](repeating: [], count: flows.count)
    for report in script.allReports {
      guard let alert = report.alert, let address = report.flow?.source else { continue }
      result[Int(address.low & 0xffff)].insert(alert.signature)
    }
    return result
  }

  @Test("each rule alerts, in whole segments, single bytes, backwards, overlapping and repeated; not without its bytes")
  func alert() throws {
    let configuration = try IDSConfiguration(rules())
    #expect(configuration.unused.isEmpty)
    let flows = configuration.rules.rules.enumerated().map { RuleFlow($1.rule, number: $0) }
    let made = flows.filter { $0.payload != nil }
    #expect(made.count * 100 >= flows.count * 99, "\(flows.filter { $0.payload == nil }.map(\.rule.sid))")
    let expected = try alerts(try IDS(configuration), flows, .whole)
    var silent: [UInt32] = []
    for (index, flow) in flows.enumerated() where flow.payload != nil && !expected[index].contains(flow.rule.sid) {
      silent.append(flow.rule.sid)
    }
    #expect(silent.isEmpty)
    for cut in RuleFlow.Cut.allCases where cut != .whole {
      let found = try alerts(try IDS(configuration), flows, cut)
      var different: [UInt32] = []
      for (index, flow) in flows.enumerated() where !flow.isAboutPackets && found[index] != expected[index] {
        different.append(flow.rule.sid)
      }
      #expect(different.isEmpty, "\(cut)")
    }
    let spoiled = try alerts(try IDS(configuration), flows, .whole, spoiled: true)
    for (index, flow) in flows.enumerated() { #expect(!spoiled[index].contains(flow.rule.sid), "\(flow.rule.sid)") }
  }
}
