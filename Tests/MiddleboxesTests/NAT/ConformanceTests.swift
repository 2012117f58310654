import Foundation
import TestSupport
import Testing

@Suite("NAT: docs/nat-conformance.md")
struct NATConformanceTests {
  /// Requirements by RFC: how many there are, and up to which letter each is divided.
  private static let requirements = [
    ("RFC 4787", 14, [3: 1, 5: 3, 6: 1, 8: 1, 9: 1, 10: 1, 12: 2, 13: 1, 14: 1]),
    ("RFC 5382", 10, [2: 1, 3: 2, 4: 1, 5: 1, 8: 1]),
    ("RFC 5508", 11, [1: 1, 2: 1, 3: 4, 4: 3, 5: 3, 7: 1, 10: 6]),
  ]
  private static let sections = [
    "RFC 6146": [
      "3.2", "3.4", "3.5", "3.5.1", "3.5.1.1", "3.5.2", "3.5.2.3", "3.5.3", "3.5.4", "3.6, 3.7", "3.8", "4", "5.2",
      "5.3",
    ]
      + ["CLOSED", "V4 INIT", "V6 INIT", "ESTABLISHED", "V4 FIN RCV, V6 FIN RCV", "V4 FIN + V6 FIN RCV", "TRANS"]
      .map { "3.5.2.2 \($0)" },
    "RFC 7915": [
      "4", "4.1", "4.2", "4.3", "4.4", "4.5", "4.6", "5", "5.1", "5.1.1", "5.2", "5.3", "5.4", "5.5", "5.6", "6",
      "7",
    ],
  ]

  private struct Row {
    var clause: String
    var text: String
    var tests: [String]
  }

  /// Rows of the page by RFC.
  private func rows() throws -> [String: [Row]] {
    let path = packageRoot.appendingPathComponent("docs/nat-conformance.md")
    var result: [String: [Row]] = [:]
    var rfc = ""
    for line in try String(contentsOf: path, encoding: .utf8).split(separator: "\n") {
      if line.hasPrefix("## ") { rfc = String(line.dropFirst(3)) }
      guard line.hasPrefix("| "), !line.hasPrefix("| clause") else { continue }
      let cells = line.dropFirst(2).dropLast(2).components(separatedBy: " | ")
      try #require(cells.count == 3, "\(line)")
      let tests = cells[2] == "—" ? [] : cells[2].components(separatedBy: "<br>")
      result[rfc, default: []].append(Row(clause: cells[0], text: cells[1], tests: tests))
    }
    return result
  }

  /// Names of the tests of the NAT.
  private func names() throws -> Set<String> {
    let folder = packageRoot.appendingPathComponent("Tests/MiddleboxesTests/NAT")
    let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
    var names: Set<String> = []
    for case let file as URL in files where file.pathExtension == "swift" {
      for match in try String(contentsOf: file, encoding: .utf8).matches(of: /@Test\(\s*"((?:[^"\\]|\\.)*)"/) {
        names.insert(String(match.output.1))
      }
    }
    return names
  }

  @Test("It has each clause once, and each that is done names tests, all of which there are")
  func page() throws {
    let rows = try rows()
    let names = try names()
    var expected = Self.sections
    for (rfc, count, letters) in Self.requirements {
      expected[rfc] = (1...count).flatMap { number -> [String] in
        let divided = (0..<(letters[number] ?? 0)).map { "REQ-\(number) \(Character(UnicodeScalar(97 + UInt8($0))))" }
        // REQ-10 of RFC 5508 says nothing but its parts.
        return (rfc == "RFC 5508" && number == 10 ? [] : ["REQ-\(number)"]) + divided
      }
    }
    #expect(Set(rows.keys) == Set(expected.keys))
    for (rfc, clauses) in expected {
      #expect(rows[rfc]?.map(\.clause).sorted() == clauses.sorted(), "\(rfc)")
      for row in rows[rfc] ?? [] {
        for test in row.tests { #expect(names.contains(test), "\(rfc) \(row.clause): \(test)") }
        #expect(!row.tests.isEmpty || row.text.contains("*Not"), "\(rfc) \(row.clause) has no test")
      }
    }
  }
}
