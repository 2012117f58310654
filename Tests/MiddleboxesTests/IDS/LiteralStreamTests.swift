import Testing

@testable import Middleboxes

@Suite("Literals in streams")
struct LiteralStreamTests {
  private typealias Literal = LiteralDatabase.Literal

  /// What is found in a stream that comes in these chunks.
  private func matches(_ database: LiteralDatabase, _ chunks: [[UInt8]]) throws -> [LiteralMatch] {
    let scratch = try ScanScratch(for: database)
    var stream = try LiteralStream(database)
    var matches: [LiteralMatch] = []
    for chunk in chunks { chunk.withUnsafeBytes { stream.scan($0, scratch: scratch, into: &matches) } }
    return matches
  }

  @Test("are found at every place, however the stream was cut, and no others are")
  func asASearchByHand() throws {
    var random = SeededGenerator(seed: 3)
    // Few different bytes, so that literals occur and overlap; a zero, a letter in both cases, and bytes with bit 7.
    let alphabet: [UInt8] = [0x00, 0x41, 0x61, 0x5b, 0x7b, 0xff, 0xc1]
    func some(_ count: ClosedRange<Int>) -> [UInt8] {
      (0..<Int.random(in: count, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
    }
    for _ in 0..<200 {
      let literals = (0..<Int.random(in: 1...20, using: &random)).map { _ in
        Literal(bytes: some(1...6), isCaseInsensitive: Bool.random(using: &random))
      }
      let text = some(0...300)
      var expected: Set<LiteralMatch> = []
      for (index, literal) in literals.enumerated() {
        func folded(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
          bytes.map { literal.isCaseInsensitive && (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
        }
        let length = literal.bytes.count
        for end in stride(from: length, through: text.count, by: 1)
        where folded(text[(end - length)..<end]) == folded(literal.bytes[...]) {
          expected.insert(LiteralMatch(literal: UInt32(index), end: UInt64(end)))
        }
      }
      let database = try LiteralDatabase(literals)
      var chunks: [[UInt8]] = []
      var rest = text[...]
      while !rest.isEmpty {
        chunks.append(Array(rest.prefix(Int.random(in: 0...40, using: &random))))
        rest = rest.dropFirst(chunks.last!.count)
      }
      let found = try matches(database, chunks)
      try #require(Set(found) == expected)
      try #require(found.count == expected.count)
      let bytewise = try matches(database, text.map { [$0] })
      try #require(Set(bytewise) == expected)
      let first = try matches(LiteralDatabase(literals, reportsOnce: true), [text])
      try #require(first.count == Set(expected.map(\.literal)).count)
    }
  }

  @Test("are those of their own stream, and of none before it in the same memory")
  func apart() throws {
    let database = try LiteralDatabase([Literal(bytes: Array("abcd".utf8))])
    let scratch = try ScanScratch(for: database)
    var left = try LiteralStream(database)
    var right = try LiteralStream(database)
    var found: [LiteralMatch] = []
    func scan(_ text: String, _ stream: inout LiteralStream) -> [LiteralMatch] {
      found.removeAll()
      Array(text.utf8).withUnsafeBytes { stream.scan($0, scratch: scratch, into: &found) }
      return found
    }
    #expect(scan("ab", &left) == [])
    #expect(scan("cd", &right) == [])
    #expect(scan("cd", &left) == [LiteralMatch(literal: 0, end: 4)])
    #expect(scan("ab", &right) == [])
    right.reset()
    #expect(scan("cd", &right) == [])
    #expect(scan("abcd", &right) == [LiteralMatch(literal: 0, end: 6)])
  }

  @Test("of two databases are found with one scratch")
  func oneScratch() throws {
    let small = try LiteralDatabase([Literal(bytes: [1])])
    let large = try LiteralDatabase((0..<500).map { Literal(bytes: [2, UInt8($0 & 255), UInt8($0 >> 8)]) })
    var scratch = try ScanScratch(for: small)
    try scratch.fit(large)
    var one = try LiteralStream(small)
    var other = try LiteralStream(large)
    var found: [LiteralMatch] = []
    let bytes: [UInt8] = [1, 2, 77, 1]
    bytes.withUnsafeBytes { one.scan($0, scratch: scratch, into: &found) }
    bytes.withUnsafeBytes { other.scan($0, scratch: scratch, into: &found) }
    #expect(
      found == [
        LiteralMatch(literal: 0, end: 1), LiteralMatch(literal: 0, end: 4), LiteralMatch(literal: 77 + 256, end: 4),
      ])
    #expect(large.byteCount > small.byteCount && small.streamByteCount > 0)
  }

  @Test("that cannot be searched for are refused")
  func refused() {
    func fault(_ literals: [Literal]) -> String {
      do throws(HyperscanError) {
        _ = try LiteralDatabase(literals)
        return "taken"
      } catch {
        return error.description
      }
    }
    #expect(fault([]) == "libhyperscan: There are no literals.")
    #expect(fault([Literal(bytes: [1]), Literal(bytes: [])]) == "libhyperscan: It is empty. (literal 1)")
  }
}
