import MOSCore

/// Rules about messages that one side receives.
final class MessageRules: Sendable {
  /// Those that are searched for by a literal, by the buffer where it is; nil where there are none.
  let groups: [RuleGroup?]
  /// Those that are searched for by a literal in the payload.
  let byPayload: [UInt32]
  /// The others, which are asked about each message.
  let others: [UInt32]
  /// The buffers that rules look into, a bit each.
  let buffers: UInt64
  /// Whether rules look into the payload besides.
  var looksIntoPayload: Bool { buffers & 1 << UInt64(InspectionBuffer.payload.rawValue) != 0 }
  /// Whether rules that drop look into bodies.
  let dropsByBody: Bool
  /// There are none.
  let isEmpty: Bool

  init(of rules: [DetectionRule], for receiver: Side) throws(HyperscanError) {
    var byBuffer = [[UInt32]](repeating: [], count: InspectionBuffer.allCases.count)
    var byPayload: [UInt32] = []
    var others: [UInt32] = []
    var buffers: UInt64 = 0
    var dropsByBody = false
    for (index, rule) in rules.enumerated() {
      guard rule.subject == .messages, rule.receiver == nil || rule.receiver == receiver else { continue }
      switch rule.literalBuffer {
      case .payload: byPayload.append(UInt32(index))
      case let buffer?: byBuffer[Int(buffer.rawValue)].append(UInt32(index))
      case nil: others.append(UInt32(index))
      }
      for buffer in rule.buffers {
        buffers |= 1 << UInt64(buffer.kind.rawValue)
        if rule.drops, buffer.kind == .fileData || buffer.kind == .httpRequestBody { dropsByBody = true }
      }
    }
    var groups: [RuleGroup?] = []
    for indices in byBuffer { groups.append(indices.isEmpty ? nil : try RuleGroup(indices, of: rules)) }
    self.groups = groups
    isEmpty = others.isEmpty && byPayload.isEmpty && groups.allSatisfy { $0 == nil }
    self.byPayload = byPayload
    self.others = others
    self.buffers = buffers
    self.dropsByBody = dropsByBody
  }

  /// The group of a buffer.
  func group(_ buffer: InspectionBuffer) -> RuleGroup? { groups[Int(buffer.rawValue)] }
}
