import MOSCore
import Testing

@testable import MTCP

@Suite("Initial sequence numbers, RFC 6528")
struct InitialSequenceNumberTests {
  private let numbers = InitialSequenceNumbers(secret: (1, 2))

  @Test("A new connection of the same ends begins above the one before it: 250,000 a second")
  func clock() {
    let first = numbers.next(clientKey(), at: seconds(0))
    #expect(numbers.next(clientKey(), at: seconds(1)).distance(from: first) == 250_000)
    #expect(numbers.next(clientKey(), at: seconds(0.000_004)).distance(from: first) == 1)
    // After 4.77 hours they come again.
    #expect(abs(numbers.next(clientKey(), at: seconds(17_179.869_184)).distance(from: first)) <= 1)
  }

  @Test("Other ends, the other direction, or another secret: another beginning")
  func ends() {
    var seen: Set<UInt32> = []
    for client in 0..<50 as Range<UInt32> {
      for port in 0..<50 as Range<UInt16> {
        seen.insert(numbers.next(clientKey(client, port), at: seconds(0)).rawValue)
      }
    }
    #expect(seen.count >= 2_498)
    #expect(numbers.next(clientKey().reversed, at: seconds(0)) != numbers.next(clientKey(), at: seconds(0)))
    let others = InitialSequenceNumbers(secret: (1, 3))
    #expect(others.next(clientKey(), at: seconds(0)) != numbers.next(clientKey(), at: seconds(0)))
    #expect(
      InitialSequenceNumbers().next(clientKey(), at: seconds(0))
        != InitialSequenceNumbers().next(clientKey(), at: seconds(0)))
  }

  @Test("From one port to the next the numbers tell nothing: each of their bits changes half of the time")
  func avalanche() {
    var changes = [Int](repeating: 0, count: 32)
    var last = numbers.next(clientKey(1, 0), at: seconds(0)).rawValue
    for port in 1...4_000 as ClosedRange<UInt16> {
      let next = numbers.next(clientKey(1, port), at: seconds(0)).rawValue
      for bit in 0..<32 where (next ^ last) >> bit & 1 == 1 { changes[bit] += 1 }
      last = next
    }
    #expect(changes.allSatisfy { abs($0 - 2_000) < 200 }, "\(changes)")
  }
}
