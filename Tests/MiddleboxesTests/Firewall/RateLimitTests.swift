import MOSCore
import Testing

@testable import Middleboxes

@Suite("Rate limits per source")
struct RateLimitTests {
  private static let second: Int64 = 1_000_000_000

  private func packet(_ source: String, _ time: Int64 = 0, port: UInt16 = 80) -> TestPacket {
    TestPacket(source: source, destination: "192.0.2.1", port: port, time: time)
  }

  @Test("each source has its own, and each rule too")
  func perSourceAndRule() throws {
    var rules = try ruleSet(
      """
      default: drop
      rules:
        - {name: web, protocol: tcp, ports: 80, action: pass, rate-limit: {rate: 1/second, burst: 2}}
        - {name: tls, protocol: tcp, ports: 443, action: pass, rate-limit: {rate: 1/second, burst: 2}}
      """)
    for source in ["10.0.0.1", "10.0.0.2"] {
      for (port, name) in [(UInt16(80), "web"), (443, "tls")] {
        let verdicts = (0..<3).map { _ in rules.verdict(packet(source, port: port)) }
        #expect(verdicts == ["pass \(name)", "pass \(name)", "drop over the rate of \(name)"])
      }
    }
    let later = [Self.second - 1, Self.second, Self.second].map { rules.verdict(packet("10.0.0.1", $0)) }
    #expect(later == ["drop over the rate of web", "pass web", "drop over the rate of web"])
  }

  @Test("an IPv6 source is its network, since a host has as many addresses as it likes")
  func networks() throws {
    let text = "default: drop\nrules:\n  - {name: web, action: pass, rate-limit: {rate: 1/hour, burst: 1}}\n"
    var rules = try ruleSet(text)
    let sources = ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1", "10.0.0.1", "10.0.0.2"]
    let verdicts = sources.map { rules.decide(packet($0)).action }
    #expect(verdicts == [.pass, .drop, .pass, .pass, .pass])
    var wide = try ruleSet("sources: {ipv4-prefix: 24, ipv6-prefix: 128}\n" + text)
    let byOther = sources.map { wide.decide(packet($0)).action }
    #expect(byOther == [.pass, .pass, .pass, .pass, .drop])
    // All of IPv4 is one source, and all of IPv6 another.
    var whole = try ruleSet("sources: {ipv4-prefix: 0, ipv6-prefix: 0}\n" + text)
    let byFamily = sources.map { whole.decide(packet($0)).action }
    #expect(byFamily == [.pass, .drop, .drop, .pass, .drop])
  }

  @Test("a rule that stops takes what is over its rate, and leaves the rest to the rules behind it")
  func guardRule() throws {
    var rules = try ruleSet(
      """
      default: drop
      rules:
        - {name: too many, action: reset, rate-limit: 2/minute}
        - {name: web, protocol: tcp, ports: 80, action: pass}
      """)
    let verdicts = [80, 22, 80, 22].map { rules.verdict(packet("10.0.0.1", port: $0)) }
    #expect(verdicts == ["pass web", "drop default", "reset too many", "reset too many"])
  }

  @Test("only what matches the rule takes tokens")
  func onlyMatches() throws {
    var rules = try ruleSet(
      "default: drop\nrules:\n  - {name: web, protocol: tcp, ports: 80, action: pass, rate-limit: 1/hour}\n")
    let verdicts = [22, 23, 80, 80].map { rules.verdict(packet("10.0.0.1", port: $0)) }
    #expect(verdicts == ["drop default", "drop default", "pass web", "drop over the rate of web"])
  }

  @Test("more sources than there is room for: memory stays, the source not heard of for longest is forgotten")
  func eviction() throws {
    var rules = try ruleSet(
      """
      default: drop
      sources: {maximum: 16}
      rules:
        - {name: web, action: pass, rate-limit: {rate: 1/hour, burst: 1}}
      """)
    func source(_ number: Int) -> TestPacket { packet("10.1.\(number / 256).\(number % 256)") }
    for number in 0..<16 {
      let action = rules.decide(source(number)).action
      #expect(action == .pass)
    }
    // The first is heard of again, so the second is now the oldest.
    let again = rules.decide(source(0)).action
    #expect(again == .drop)
    let more = rules.decide(source(16)).action
    #expect(more == .pass)
    let remembered = [0, 2, 16, 1].map { rules.decide(source($0)).action }
    #expect(remembered == [.drop, .drop, .drop, .pass])
    for number in 100..<60_000 { _ = rules.decide(source(number)) }
    let counters = rules.counters
    #expect(counters.forgottenSources == 2 + 59_900)
  }

  @Test("a table of sources answers as a dictionary with an order of age does", arguments: UInt64(0)..<10)
  func model(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let capacity = 20
    var table = SourceTable<UInt64>(capacity: capacity, hash: FlowHash(secret: (seed, 2)))
    var model: [(address: IPAddress, number: UInt32, value: UInt64)] = []
    var wrong = 0
    var forgotten: UInt64 = 0
    for _ in 0..<4000 {
      let host = UInt32(generator.next() % 20)
      let address = generator.next() % 2 == 0 ? IPAddress(v4: host) : IPAddress(high: 7, low: UInt64(host))
      let number = UInt32(generator.next() % 2)
      let place = model.firstIndex { $0.address == address && $0.number == number }
      if generator.next() % 4 == 0 {
        let index = table.find(address, number)
        if (index != 0) != (place != nil) { wrong += 1 }
        if index == 0 { continue }
        if table.value(index).pointee != model[place!].value { wrong += 1 }
        table.remove(index)
        model.remove(at: place!)
        continue
      }
      var entry = place.map { model.remove(at: $0) } ?? (address: address, number: number, value: 100)
      let value = table.entry(address, number, initial: 100).value
      value.pointee += 1
      entry.value += 1
      if value.pointee != entry.value { wrong += 1 }
      if place == nil, model.count == capacity {
        model.removeFirst()
        forgotten += 1
      }
      model.append(entry)
      if table.count != model.count { wrong += 1 }
    }
    #expect(wrong == 0)
    #expect(table.forgotten == forgotten)
    #expect(forgotten > 100)
  }
}
