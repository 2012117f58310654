import Testing

@testable import Middleboxes

/// The rules of a file's text.
func ruleSet(of text: String, variables: IDSVariables = IDSVariables()) -> IDSRuleSet {
  ruleSet(of: Array(text.utf8), variables: variables)
}

func ruleSet(of bytes: [UInt8], variables: IDSVariables = IDSVariables()) -> IDSRuleSet {
  var set = IDSRuleSet(variables: variables)
  set.read(bytes: bytes, file: "ids.rules")
  return set
}

/// A rule with these options and a number; nil where it is not taken.
func rule(_ options: String, header: String = "alert tcp any any -> any any") -> IDSRule? {
  ruleSet(of: "\(header) (\(options) sid:1;)").rules.first
}

/// What is wrong with a rule with these options; "taken" where nothing is.
func ruleFault(_ options: String, header: String = "alert tcp any any -> any any") -> String {
  let set = ruleSet(of: "\(header) (\(options) sid:1;)")
  if let error = set.errors.first { return error.reason }
  if let unused = set.unused.first { return "not used: \(unused.reason)" }
  return "taken"
}

/// The matches in a rule's only buffer.
func matches(_ options: String, header: String = "alert tcp any any -> any any") -> [PayloadMatch] {
  guard let read = rule(options, header: header), read.buffers.count == 1 else { return [] }
  return read.buffers[0].matches
}

/// The contents of a rule, in their order.
func contents(_ options: String, header: String = "alert tcp any any -> any any") -> [ContentMatch] {
  (rule(options, header: header)?.buffers ?? []).flatMap(\.matches).compactMap { match in
    if case .content(let content) = match { content } else { nil }
  }
}

/// Options of a rule and what is wrong with them.
struct FaultyOptions: Sendable, CustomTestStringConvertible {
  var options: String
  var fault: String
  var header = "alert tcp any any -> any any"
  var testDescription: String { options }

  init(_ options: String, _ fault: String, header: String = "alert tcp any any -> any any") {
    (self.options, self.fault, self.header) = (options, fault, header)
  }
}
