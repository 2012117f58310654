import Testing

@testable import MTCP

@Suite struct OverlapPolicyTests {
  /// One line for each way of overlapping: ranges of the new and the old segment.
  static let overlaps: [(name: String, new: Range<UInt32>, old: Range<UInt32>)] = [
    ("starts before, ends inside", 5..<15, 10..<20),
    ("starts before, covers all", 5..<25, 10..<20),
    ("starts before, covers all, same end", 5..<20, 10..<20),
    ("same start, longer", 10..<25, 10..<20),
    ("same range", 10..<20, 10..<20),
    ("inside", 12..<18, 10..<20),
    ("same start and shorter", 10..<15, 10..<20),
    ("inside, same end", 15..<20, 10..<20),
    ("starts inside, ends after", 15..<25, 10..<20),
  ]

  /// Who wins in each of the `overlaps`, N for the new and O for the old segment, one column for each group of policies.
  static let table: [(policies: [OverlapPolicy], winners: String)] = [
    ([.first, .vista], "OOOOOOOOO"),
    ([.last], "NNNNNNNNN"),
    ([.linux], "NNNNOOOOO"),
    ([.bsd, .windows, .macos], "NNNOOOOOO"),
    ([.hpux10, .irix], "NNNNOOOOO"),
    ([.oldLinux], "NNNNNOOOO"),
    ([.solaris, .hpux11], "ONNNNOOON"),
  ]

  @Test func everyPolicyIsInTheTable() {
    #expect(Set(Self.table.flatMap(\.policies)) == Set(OverlapPolicy.allCases))
  }

  /// The bases make some of the numbers wrap.
  @Test(arguments: [0, 1 << 31 - 12, UInt32.max - 11, UInt32.max - 20] as [UInt32])
  func theTableDecidesWhoWins(base: UInt32) {
    for (policies, winners) in Self.table {
      for (overlap, winner) in zip(Self.overlaps, winners) {
        for policy in policies {
          let newWins = policy.newWins(
            newStart: SequenceNumber(base &+ overlap.new.lowerBound),
            newEnd: SequenceNumber(base &+ overlap.new.upperBound),
            oldStart: SequenceNumber(base &+ overlap.old.lowerBound),
            oldEnd: SequenceNumber(base &+ overlap.old.upperBound))
          #expect(newWins == (winner == "N"), "\(policy.name): new \(overlap.name)")
        }
      }
    }
  }

  @Test func theQueueKeepsTheWinnersBytes() {
    for (policies, winners) in Self.table {
      for (overlap, winner) in zip(Self.overlaps, winners) {
        for policy in policies {
          var fixture = BufferFixture()
          fixture.insert(
            .init(repeating: 1, count: overlap.old.count), at: overlap.old.lowerBound, next: 1, policy: policy)
          let result = fixture.insert(
            .init(repeating: 2, count: overlap.new.count), at: overlap.new.lowerBound, next: 1, policy: policy)
          let both = overlap.old.clamped(to: overlap.new)
          let first = min(overlap.old.lowerBound, overlap.new.lowerBound)
          let all = first..<max(overlap.old.upperBound, overlap.new.upperBound)
          let expected: [UInt8] = all.map {
            both.contains($0) ? (winner == "N" ? 2 : 1) : overlap.old.contains($0) ? 1 : 2
          }
          #expect(result.stored == UInt32(all.count - overlap.old.count))
          #expect(result.duplicate == UInt32(both.count))
          #expect(result.conflicting == UInt32(both.count))
          #expect(result.conflictStart == SequenceNumber(both.lowerBound))
          let queued = fixture.queued
          #expect(queued == expected, "\(policy.name): new \(overlap.name)")
          fixture.checkQueue()
          let taken = fixture.take(from: first)
          #expect(taken == expected)
          let left = fixture.bytesInUse
          #expect(left == 0)
        }
      }
    }
  }

  @Test func namesAreReadBack() {
    let names = "first last linux old-linux bsd windows macos solaris hpux10 hpux11 irix vista".split(separator: " ")
    #expect(OverlapPolicy.allCases.map(\.name).sorted() == names.map(String.init).sorted())
    for name in names { #expect(OverlapPolicy(name: String(name))?.name == String(name)) }
    #expect(OverlapPolicy(name: "") == nil)
    #expect(OverlapPolicy(name: "oldLinux") == nil)
    #expect(OverlapPolicy(name: "Linux") == nil)
  }
}
