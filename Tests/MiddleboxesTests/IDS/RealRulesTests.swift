import Foundation
import TestSupport
import Testing

@testable import Middleboxes

@Suite("Rules that people have")
struct RealRulesTests {
  /// A file of rules, how many there are in it, and how many of them may not be used.
  struct Subset: Sendable, CustomTestStringConvertible {
    var name: String
    var count: Int
    var unused: Int
    var testDescription: String { name }

    var bytes: [UInt8]? {
      guard let folder = SharedMaterial.folder else { return nil }
      let data = FileManager.default.contents(atPath: folder.appendingPathComponent("rules/\(name)").path)
      return data.map { [UInt8]($0) }
    }
  }

  private static let subsets = [
    Subset(name: "subset1-tcp-content.rules", count: 1644, unused: 0),
    Subset(name: "subset2-tcp-pcre-flowbits-byte.rules", count: 2357, unused: 0),
  ]

  private func rules(_ subset: Subset) -> IDSRuleSet? {
    guard let bytes = subset.bytes else {
      print("rules: \(subset.name) is absent (set MOS_SHARED): skipped")
      return nil
    }
    return ruleSet(of: bytes)
  }

  @Test("all or nearly all are used, and none needs what is not supported", arguments: subsets)
  func areUsed(subset: Subset) {
    guard let set = rules(subset) else { return }
    #expect(set.ruleCount + set.errors.count == subset.count)
    #expect(set.errors.count <= subset.unused, "\(set.errors.prefix(5).map(\.description))")
    #expect(set.unused.isEmpty)
    #expect(set.rules.allSatisfy { $0.fastPattern != nil || $0.buffers.allSatisfy { !Self.hasContent($0) } })
  }

  @Test("what is searched for first in all of them compiles together, and each is found")
  func fastPatterns() throws {
    let rules = Self.subsets.compactMap { self.rules($0) }.flatMap(\.rules)
    if rules.isEmpty { return }
    var literals: [LiteralDatabase.Literal] = []
    var known: Set<LiteralDatabase.Literal> = []
    for rule in rules {
      guard let pattern = rule.fastPattern,
        case .content(let content) = rule.buffers[Int(pattern.buffer)].matches[Int(pattern.match)]
      else { continue }
      let bytes = Array(content.bytes[Int(pattern.offset)...].prefix(Int(pattern.length)))
      let literal = LiteralDatabase.Literal(bytes: bytes, isCaseInsensitive: content.isCaseInsensitive)
      if known.insert(literal).inserted { literals.append(literal) }
    }
    let database = try LiteralDatabase(literals, reportsOnce: true)
    #expect(literals.count > 2000 && database.byteCount < 16 << 20 && database.streamByteCount < 4096)
    let scratch = try ScanScratch(for: database)
    var stream = try LiteralStream(database)
    var found: [LiteralMatch] = []
    var ends: [UInt64] = []
    for literal in literals {
      literal.bytes.withUnsafeBytes { stream.scan($0, scratch: scratch, into: &found) }
      ends.append((ends.last ?? 0) + UInt64(literal.bytes.count))
    }
    // Once each, and not behind its own place: short ones are in others too.
    #expect(found.map(\.literal).sorted() == literals.indices.map { UInt32($0) })
    #expect(found.allSatisfy { $0.end <= ends[Int($0.literal)] })
  }

  private static func hasContent(_ buffer: RuleBuffer) -> Bool {
    buffer.matches.contains { match in
      if case .content(let content) = match { !content.isNegated } else { false }
    }
  }

  @Test("what they say is in what was read, keyword by keyword", arguments: subsets)
  func nothingIsLost(subset: Subset) throws {
    guard let bytes = subset.bytes, let set = rules(subset) else { return }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    for rule in set.rules {
      let line = lines[Int(rule.line) - 1]
      // Options end at a semicolon that has no backslash before it, and none of these rules has one in a text.
      let body = line[line.index(after: line.firstIndex(of: "(")!)...]
      let options = body.replacing("\\;", with: "").split(separator: ";").map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      func count(_ start: String) -> Int { options.count { $0.hasPrefix(start) } }
      var read: [String: Int] = [:]
      for match in rule.buffers.flatMap(\.matches) {
        switch match {
        case .content(let content):
          read["content:", default: 0] += 1
          if content.isCaseInsensitive { read["nocase", default: 0] += 1 }
          if content.offset != nil { read["offset:", default: 0] += 1 }
          if content.depth != nil { read["depth:", default: 0] += 1 }
          if content.distance != nil { read["distance:", default: 0] += 1 }
          if content.within != nil { read["within:", default: 0] += 1 }
          if content.fastPattern != .unmarked { read["fast_pattern", default: 0] += 1 }
        case .pcre: read["pcre:", default: 0] += 1
        case .byteTest: read["byte_test:", default: 0] += 1
        case .byteJump: read["byte_jump:", default: 0] += 1
        case .byteExtract: read["byte_extract:", default: 0] += 1
        case .isDataAt: read["isdataat:", default: 0] += 1
        default: break
        }
      }
      for condition in rule.conditions {
        switch condition {
        case .flow: read["flow:", default: 0] += 1
        case .flowBits: read["flowbits:is", default: 0] += 1
        case .field(.payloadSize, _): read["dsize:", default: 0] += 1
        case .tcpFlags: read["flags:", default: 0] += 1
        case .streamSize: read["stream_size:", default: 0] += 1
        default: Issue.record("\(condition) in line \(rule.line)")
        }
      }
      for option in [
        "content:", "nocase", "offset:", "depth:", "distance:", "within:", "fast_pattern", "pcre:",
        "byte_test:", "byte_jump:", "byte_extract:", "isdataat:", "flow:", "flowbits:is", "dsize:", "flags:",
        "stream_size:",
      ] {
        try #require(read[option, default: 0] == count(option), "\(option) in line \(rule.line)")
      }
      try #require(line.contains("sid:\(rule.sid);") && line.contains("rev:\(rule.revision);"))
      try #require(line.contains("classtype:\(rule.classType);") && rule.references.count == count("reference:"))
      try #require(rule.isSilent == line.contains("noalert;"))
      try #require(rule.effects.count == count("flowbits:set,") + count("flowbits:unset,"))
      try #require((rule.threshold != nil) == (count("threshold") == 1))
      try #require((rule.detectionFilter != nil) == (count("detection_filter") == 1))
    }
  }

  @Test("printed and read again they are the same", arguments: subsets)
  func printedAgain(subset: Subset) throws {
    guard let set = rules(subset) else { return }
    var text: [UInt8] = []
    for index in 0..<set.ruleCount { text += set.text(ofRule: index) + [0x0a] }
    let again = ruleSet(of: text)
    #expect(again.errors == [])
    try #require(again.ruleCount == set.ruleCount)
    for (rule, other) in zip(set.rules, again.rules) { try #require(rule.isSame(as: other), "\(rule.sid)") }
  }
}
