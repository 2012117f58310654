import Foundation
import MOSCore

@testable import Middleboxes

/// The error that a rule file gives, as its line; nil when it is taken.
func ruleFileError(_ text: String) -> String? { ruleFileError(bytes: Array(text.utf8)) }

func ruleFileError(bytes: [UInt8]) -> String? {
  do {
    _ = try FirewallPolicy(bytes: bytes, file: "rules.yaml")
    return nil
  } catch {
    return error.description
  }
}

func policy(_ text: String) throws -> FirewallPolicy {
  try FirewallPolicy(bytes: Array(text.utf8), file: "rules.yaml")
}

func ruleSet(_ text: String) throws -> FirewallRuleSet {
  FirewallRuleSet(try policy(text), hash: FlowHash(secret: (1, 2)))
}

let packageRoot = URL(fileURLWithPath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

/// A packet in a few words.
struct TestPacket {
  var source: String
  var destination: String
  var sourcePort: UInt16 = 40_000
  var port: UInt16 = 80
  var number: UInt8 = IPProtocol.tcp
  var sender = Side.client
  var state = FirewallState.new
  /// Packet time in nanoseconds.
  var time: Int64 = 0

  var query: FirewallQuery {
    let key = FlowKey(
      source: IPAddress(source)!, sourcePort: sourcePort, destination: IPAddress(destination)!, destinationPort: port,
      protocolNumber: number)
    return FirewallQuery(key: key, sender: sender, state: state, time: Timestamp(nanoseconds: time))
  }
}

extension FirewallRuleSet {
  mutating func decide(_ packet: TestPacket) -> FirewallDecision { decide(packet.query) }

  /// The name of the rule that decides, with the action: `pass web`.
  mutating func verdict(_ packet: TestPacket) -> String {
    let decision = decide(packet)
    let name =
      switch decision.cause {
      case .defaultAction: "default"
      case .rule: ruleName(of: decision) ?? "?"
      case .rateLimit: "over the rate of \(ruleName(of: decision) ?? "?")"
      case .synFlood: "SYN flood"
      }
    return "\(decision.action) \(name)"
  }
}
