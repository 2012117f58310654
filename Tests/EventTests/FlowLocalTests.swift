import EventDSL
import EventSupport
import Testing

/// How many objects of a kind there are.
private final class Population {
  var count = 0
}

/// An object that is counted.
private final class Individual {
  let population: Population
  var value = 0

  init(_ population: Population) {
    self.population = population
    population.count += 1
  }

  deinit { population.count -= 1 }
}

/// Counts on its own, whatever others of its kind do.
private struct Tally: Middlebox {
  let name: String
  let first: Int
  let seen: FlowLocal<Int>

  init(_ name: String, from first: Int) {
    self.name = name
    self.first = first
    seen = FlowLocal(first)
  }

  var events: some EventGraph {
    On(.packet, at: .sender) { event in
      event.report("\(name) \(event.flow[seen])")
      event.flow[seen] += 1
    }
    On(.connectionEnd) { event in event.report("\(name) ended with \(event.flow[seen])") }
  }
}

/// Many values of all sizes and alignments side by side.
private struct Crowd: Middlebox {
  struct Wide: BitwiseCopyable { var words = InlineArray<512, UInt64>(repeating: 3) }

  let bytes = (0..<100).map { FlowLocal(UInt8($0)) }
  let isSet = FlowLocal(false)
  let vector = FlowLocal(SIMD8<Double>(repeating: 0.5))
  let byte = FlowLocal(UInt8(200))
  let wide = FlowLocal(Wide())
  let text = FlowLocal("nothing")
  let table = FlowLocal([Int: String]())
  let pair = FlowLocal((1, nil as String?))

  var events: some EventGraph {
    On(.packet, at: .sender) { event in
      let number = Int(event.packet!.number)
      for key in bytes { event.flow[key] &+= UInt8(number) }
      event.flow[isSet].toggle()
      event.flow[vector][7] += 1
      event.flow[wide].words[511] += 1
      event.flow[text] += "\(number)"
      event.flow[table][number] = "packet \(number)"
      event.flow[pair].1 = "last \(number)"
    }
    On(.connectionEnd) { event in
      let first = event.flow[bytes[0]]
      let areRight = bytes.enumerated().allSatisfy { event.flow[$1] == UInt8($0) &+ first }
      let wide = event.flow[wide]
      event.report(
        "\(first) \(areRight) \(event.flow[isSet]) \(event.flow[vector][0]) \(event.flow[vector][7]) \(event.flow[byte])"
      )
      event.report(
        "\(wide.words[0]) \(wide.words[511]) \(event.flow[text]) \(event.flow[table].keys.sorted()) \(event.flow[pair])"
      )
    }
  }
}

private struct Collector: Middlebox {
  let lengths = FlowLocal<[UInt64]>([])
  let address = FlowLocal(0)

  var events: some EventGraph {
    On(.established) { $0.flow[lengths].reserveCapacity(1_000) }
    On(.newData) { event in
      let before = event.flow[lengths].withUnsafeBufferPointer { Int(bitPattern: $0.baseAddress) }
      event.flow[lengths].append(event.length)
      let after = event.flow[lengths].withUnsafeBufferPointer { Int(bitPattern: $0.baseAddress) }
      if before != after { event.report("copied") }
    }
    On(.connectionEnd) { event in event.report("\(event.flow[lengths].count) \(event.flow[lengths].reduce(0, +))") }
  }
}

private struct Owner: Middlebox {
  let population: Population
  let own = FlowLocal<Individual?>(nil)
  let more = FlowLocal<[Individual]>([])

  var events: some EventGraph {
    On(.connectionStart, at: .sender) { event in event.flow[own] = Individual(population) }
    On(.packet) { event in
      event.flow[own]?.value += 1
      if event.packet!.payloadLength > 0 { event.flow[more].append(Individual(population)) }
    }
    On(.connectionEnd) { event in
      event.report("\(event.flow[own]?.value ?? 0), \(event.flow[more].count), \(population.count)")
    }
  }
}

private let opening = """
  c > S seq 0
  s > SA seq 0 ack 1
  c > A seq 1 ack 1
  """
private let otherOpening = """
  c > S seq 0 port 40001
  s > SA seq 0 ack 1 port 40001
  c > A seq 1 ack 1 port 40001
  """

@Suite("Storage of flows")
struct FlowLocalTests {
  @Test("Each middlebox and each flow has its own values, which begin as declared", arguments: [1, 32])
  func independent(burst: Int) throws {
    var script = try EventScript(Tally("a", from: 0), Tally("b", from: 70), burst: burst)
    let reports = try script.play(
      """
      c > S seq 0
      c > S seq 0 port 40001
      s > SA seq 0 ack 1
      c > R seq 1 port 40001
      c > R seq 1
      """)
    #expect(
      reports == [
        "a 0", "b 70", "a 0", "b 70", "b 71", "a 1", "a 1", "b 71", "a ended with 2", "b ended with 72", "a 2", "b 72",
        "a ended with 3", "b ended with 73",
      ])
  }

  @Test("A new flow on the same ports begins with the initial values")
  func again() throws {
    var script = try EventScript(Tally("a", from: 5))
    #expect(
      try script.play("c > S seq 0\ns > RA seq 0 ack 1") == ["a 5", "a 6", "a ended with 7"])
    #expect(
      try script.play("isn 9000000 8000000\nc > S seq 0\ns > RA seq 0 ack 1") == ["a 5", "a 6", "a ended with 7"])
  }

  @Test("Any number of values of any size and alignment, each in its place")
  func crowd() throws {
    var script = try EventScript(Crowd())
    try script.play(opening)
    try script.play(otherOpening)
    #expect(
      try script.play("c > R seq 1") == [
        "13 true false 0.5 4.5 200", "3 7 nothing1237 [1, 2, 3, 7] (1, Optional(\"last 7\"))",
      ])
    #expect(
      script.finish() == [
        "15 true true 0.5 3.5 200", "3 6 nothing456 [4, 5, 6] (1, Optional(\"last 6\"))",
      ])
  }

  @Test("An array that a flow has is changed where it is, not copied")
  func inPlace() throws {
    var script = try EventScript(Collector())
    try script.play(opening)
    for index in 0..<500 { try script.play("c > PA seq \(1 + index * 2) ack 1 \"ab\"") }
    #expect(script.allReports.map(\.text) == [])
    #expect(try script.play("s > R seq 1") == ["500 1000"])
  }

  @Test("Values can be read when the flow ends, and are destroyed when it is released")
  func release() throws {
    let population = Population()
    var script = try EventScript(Owner(population: population))
    try script.play(opening + "\n" + #"c > PA seq 1 ack 1 "a""#)
    try script.play(otherOpening)
    #expect(population.count == 3)
    #expect(try script.play("c > R seq 2") == ["5, 1, 3"])
    #expect(population.count == 3)
    // The closed flow is remembered for late packets, for a minute.
    try script.play("time +61")
    #expect(population.count == 1)
    #expect(script.finish() == ["3, 0, 1"])
    #expect(population.count == 0)
  }

  @Test("Objects are destroyed whichever way their flow ends", arguments: [1, 32])
  func allWays(burst: Int) throws {
    let population = Population()
    var script = try EventScript([Owner(population: population)], burst: burst) { $0.maximumFlows = 10 }
    for round in 0..<50 {
      try script.play("c > S seq \(round * 1_000) port \(1_000 + round % 12)")
      // Evicted flows are released at once.
      #expect(population.count <= 10)
    }
    #expect(script.allReports.count == 40)
    try script.play("time +31")
    #expect(population.count == 0)
    #expect(script.allReports.count == 50)
  }

  @Test("Objects of open flows are destroyed with the engine", arguments: [0, 1, 7])
  func engineGoes(closed: Int) throws {
    let population = Population()
    func play() throws {
      var script = try EventScript(Owner(population: population))
      for port in 1_000..<1_100 { try script.play("c > S seq 0 port \(port)") }
      // Some are released before, and their places taken again.
      for port in 1_000..<1_000 + closed { try script.play("s > RA seq 0 ack 1 port \(port)") }
      if closed > 0 { try script.play("time +61\nc > S seq 0 port 5000") }
      #expect(population.count == (closed > 0 ? 1 : 100))
    }
    try play()
    #expect(population.count == 0)
  }

  @Test("Flows without number come and go without leaving anything behind")
  func reuse() throws {
    let population = Population()
    var script = try EventScript([Owner(population: population)], burst: 32) { $0.lingerTimeout = 1_000_000 }
    for round in 0..<20 {
      let lines = (0..<100).flatMap { index in
        ["c > S seq 0 port \(1_000 + index)", "s > RA seq 0 ack 1 port \(1_000 + index)"]
      }
      try script.play("isn \(round * 10_000) 7\n" + lines.joined(separator: "\n"))
      #expect(population.count <= 100)
    }
    #expect(script.allReports.count == 2_000)
    script.finish()
    #expect(population.count == 0)
  }
}
