import MOSCore
import Testing

@testable import Middleboxes

@Suite("SYN-flood protection")
struct SynFloodTests {
  private let text = """
    default: drop
    syn-flood: {per-source: 3, total: 5, action: reset, log: yes}
    rules:
      - {name: tcp, protocol: tcp, ports: [80, 443], action: pass}
      - {name: udp, protocol: udp, action: pass}
    """

  private func syn(_ source: String, port: UInt16 = 80, number: UInt8 = 6, state: FirewallState = .new) -> TestPacket {
    TestPacket(source: source, destination: "192.0.2.1", port: port, number: number, state: state)
  }

  @Test("a source may have so many half-open connections, and all together so many")
  func limits() throws {
    var rules = try ruleSet(text)
    func open(_ source: String) -> String {
      let verdict = rules.verdict(syn(source))
      if verdict == "pass tcp" { rules.halfOpenBegan(from: IPAddress(source)!) }
      return verdict
    }
    let first = (0..<4).map { _ in open("10.0.0.1") }
    #expect(first == ["pass tcp", "pass tcp", "pass tcp", "reset SYN flood"])
    let others = ["10.0.0.2", "10.0.0.3", "10.0.0.4"].map(open)
    #expect(others == ["pass tcp", "pass tcp", "reset SYN flood"])
    // One is established: there is room for one, but not for the first source, if it was another's.
    rules.halfOpenEnded(from: IPAddress("10.0.0.2")!)
    let room = ["10.0.0.1", "10.0.0.4", "10.0.0.5"].map(open)
    #expect(room == ["reset SYN flood", "pass tcp", "reset SYN flood"])
    rules.halfOpenEnded(from: IPAddress("10.0.0.1")!)
    let again = ["10.0.0.1", "10.0.0.1"].map(open)
    #expect(again == ["pass tcp", "reset SYN flood"])
  }

  @Test("holds back only new TCP flows that would pass")
  func onlyNewTCP() throws {
    var rules = try ruleSet(text)
    for _ in 0..<3 { rules.halfOpenBegan(from: IPAddress("10.0.0.1")!) }
    let verdicts = [
      syn("10.0.0.1"), syn("10.0.0.1", state: .established), syn("10.0.0.1", number: 17), syn("10.0.0.1", port: 22),
    ].map { rules.verdict($0) }
    #expect(verdicts == ["reset SYN flood", "pass tcp", "pass udp", "drop default"])
    let decision = rules.decide(syn("10.0.0.1"))
    #expect(decision.logs)
    #expect(decision.rule == 0)
  }

  @Test("protects what passes by default too")
  func byDefault() throws {
    var rules = try ruleSet("default: pass\nsyn-flood: {total: 1}\n")
    let before = rules.verdict(syn("10.0.0.1"))
    rules.halfOpenBegan(from: IPAddress("10.0.0.9")!)
    let after = rules.verdict(syn("10.0.0.1"))
    #expect([before, after] == ["pass default", "drop SYN flood"])
  }

  @Test("ends that no beginning was told of do no harm")
  func unknownEnds() throws {
    var rules = try ruleSet(text)
    for _ in 0..<10 { rules.halfOpenEnded(from: IPAddress("10.0.0.1")!) }
    for _ in 0..<3 { rules.halfOpenBegan(from: IPAddress("10.0.0.1")!) }
    let verdict = rules.verdict(syn("10.0.0.1"))
    #expect(verdict == "reset SYN flood")
    for _ in 0..<10 { rules.halfOpenEnded(from: IPAddress("10.0.0.1")!) }
    let counters = rules.counters
    #expect(counters.halfOpen == 0)
    let again = rules.verdict(syn("10.0.0.1"))
    #expect(again == "pass tcp")
  }

  @Test("sources without half-open connections take no room")
  func room() throws {
    var rules = try ruleSet("default: pass\nsources: {maximum: 16}\nsyn-flood: {per-source: 1}\n")
    for number in 0..<1000 {
      rules.halfOpenBegan(from: IPAddress(v4: UInt32(number)))
      rules.halfOpenEnded(from: IPAddress(v4: UInt32(number)))
    }
    let counters = rules.counters
    #expect(counters.forgottenSources == 0)
  }

  @Test("a flood from ever other sources: memory stays, and the sum is exact")
  func manySources() throws {
    var rules = try ruleSet("default: pass\nsources: {maximum: 16}\nsyn-flood: {per-source: 2, total: 100000}\n")
    let sources = (0..<50_000).map { IPAddress(v4: 0x0a00_0000 + UInt32($0)) }
    for source in sources { rules.halfOpenBegan(from: source) }
    var counters = rules.counters
    #expect(counters.halfOpen == 50_000)
    #expect(counters.forgottenSources == 50_000 - 16)
    // Of the sources that are remembered one more passes, and no further.
    rules.halfOpenBegan(from: sources[49_999])
    let verdicts = ["10.0.195.79", "10.0.195.78"].map { rules.verdict(syn($0)) }
    #expect(verdicts == ["drop SYN flood", "pass default"])
    for source in sources { rules.halfOpenEnded(from: source) }
    counters = rules.counters
    #expect(counters.halfOpen == 1)
  }
}
