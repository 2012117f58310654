import MOSCore

extension RulePrinter {
  mutating func print(_ condition: RuleCondition) {
    switch condition {
    case .flow(let flow):
      let words = [
        flow.direction?.rawValue, flow.state?.rawValue, flow.stream?.rawValue, flow.fragments?.rawValue,
      ]
      option("flow", words.compactMap(\.self).joined(separator: ","))
    case .flowBits(let isSet, let names):
      option("flowbits", (isSet ? "isset," : "isnotset,") + names.joined(separator: "|"))
    case .flowInteger(let name, let test):
      switch test {
      case .isSet: option("flowint", "\(name),isset")
      case .isNotSet: option("flowint", "\(name),isnotset")
      case .compare(let comparison, let operand):
        option("flowint", "\(name),\(comparison.rawValue),\(text(operand))")
      }
    case .crossBit(let isSet, let name, let track):
      option("xbits", "\(isSet ? "isset" : "isnotset"),\(name),track \(track.rawValue)")
    case .field(let field, let match): option(field.rawValue, match.text)
    case .tcpFlags(let condition):
      let flags = condition.flags.isEmpty ? "0" : Self.letters(condition.flags)
      let ignored = condition.ignored.isEmpty ? "" : "," + Self.letters(condition.ignored)
      option("flags", condition.comparison.rawValue + flags + ignored)
    case .fragmentBits(let condition):
      let letters = [("M", FragmentBitsCondition.Bits.moreFragments), ("D", .doNotFragment), ("R", .reserved)]
      option(
        "fragbits",
        condition.comparison.rawValue + letters.filter { condition.bits.contains($0.1) }.map(\.0).joined())
    case .ipOption(let name): option("ipopts", name.rawValue)
    case .uriLength(let match, let isRaw): option("urilen", match.text + (isRaw ? ",raw" : ""))
    case .streamSize(let side, let match):
      option("stream_size", "\(side.rawValue),\(match.comparison.sign),\(match.value)")
    case .sameAddress: option("sameip")
    }
  }

  mutating func print(_ effect: RuleEffect) {
    switch effect {
    case .flowBit(let change, let name): option("flowbits", "\(change.rawValue),\(name)")
    case .flowInteger(let name, let change):
      option("flowint", "\(name),\(change.operation.rawValue),\(text(change.operand))")
    case .crossBit(let change, let name, let track, let expire):
      option("xbits", "\(change.rawValue),\(name),track \(track.rawValue)" + (expire.map { ",expire \($0)" } ?? ""))
    }
  }

  private func text(_ operand: FlowIntegerOperand) -> String {
    switch operand {
    case .literal(let number): "\(number)"
    case .variable(let name): name
    }
  }

  private static func letters(_ flags: TCPFlags) -> String {
    let letters: [(String, TCPFlags)] = [
      ("F", .fin), ("S", .syn), ("R", .rst), ("P", .psh), ("A", .ack), ("U", .urg), ("C", .cwr), ("E", .ece),
    ]
    return letters.filter { flags.contains($0.1) }.map(\.0).joined()
  }
}

extension IntegerMatch.Comparison {
  /// As `stream_size` has it.
  fileprivate var sign: String {
    switch self {
    case .equal: "="
    case .notEqual: "!="
    case .less: "<"
    case .lessOrEqual: "<="
    case .greater: ">"
    default: ">="
    }
  }
}
