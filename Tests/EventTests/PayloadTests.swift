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
  let number: Int

  init(_ population: Population, _ number: Int) {
    self.population = population
    self.number = number
    population.count += 1
  }

  deinit { population.count -= 1 }
}

private struct Large: Equatable {
  var words = InlineArray<256, UInt64>(repeating: 0)
  var text = ""

  static func == (one: Large, other: Large) -> Bool {
    one.text == other.text && (0..<256).allSatisfy { one.words[$0] == other.words[$0] }
  }
}

private enum Shape {
  case circle(radius: Double)
  case named(String)
}

private struct Sender: Middlebox {
  let population: Population
  let object = UserEvent<Individual>("object")
  let large = UserEvent<Large>("large")
  let optional = UserEvent<String?>("optional")
  let list = UserEvent<[String: [Int]]>("list")
  let shape = UserEvent<Shape>("shape")
  let existential = UserEvent<any CustomStringConvertible>("existential")
  let nothing = UserEvent<Void>("nothing")
  let alsoNothing = UserEvent<()>()

  var events: some EventGraph {
    On(.established) { event in
      var value = Large(text: "large")
      for index in 0..<256 { value.words[index] = UInt64(index) &* 0x0101_0101_0101_0101 }
      event.raise(object, Individual(population, 5))
      event.raise(large, value)
      event.raise(optional, nil)
      event.raise(optional, "some")
      event.raise(list, ["a": [1, 2], "b": []])
      event.raise(shape, .circle(radius: 1.5))
      event.raise(shape, .named("square"))
      event.raise(existential, 42)
      event.raise(nothing)
      event.raise(alsoNothing, ())
    }
    On(object) { event in event.report("object \(event.payload.number), of \(population.count)") }
    On(large) { event in
      let payload = event.payload
      let isWhole = (0..<256).allSatisfy { payload.words[$0] == UInt64($0) &* 0x0101_0101_0101_0101 }
      event.report("\(payload.text) \(isWhole)")
    }
    On(optional) { $0.report($0.payload ?? "none") }
    On(list) { event in event.report(event.payload.sorted { $0.key < $1.key }.map { "\($0.key)\($0.value)" }.joined()) }
    On(shape) { event in
      switch event.payload {
      case .circle(let radius): event.report("circle of \(radius)")
      case .named(let name): event.report(name)
      }
    }
    On(existential) { $0.report($0.payload.description) }
    On(nothing) { event in
      event.payload
      event.report("nothing")
    }
    On(alsoNothing) { $0.report("nothing else") }
  }
}

/// Keeps payloads for longer than their event.
private struct Keeper: Middlebox {
  let population: Population
  let seen = UserEvent<Individual>("seen")
  let kept = FlowLocal<[Individual]>([])

  var events: some EventGraph {
    Define(seen, from: .newData) { event in
      let number = Int(event.offset)
      return number % 2 == 0 ? Individual(population, number) : nil
    }
    On(seen) { event in if event.payload.number == 0 { event.flow[kept].append(event.payload) } }
    On(.connectionEnd) { event in event.report("\(event.flow[kept].map(\.number)) of \(population.count)") }
  }
}

@Suite("What user-defined events carry")
struct PayloadTests {
  @Test("Payloads of any type come as they were raised")
  func types() throws {
    let population = Population()
    var script = try EventScript(Sender(population: population))
    let reports = try script.play(
      """
      c > S seq 0
      s > SA seq 0 ack 1
      c > A seq 1 ack 1
      """)
    #expect(
      reports == [
        "object 5, of 1", "large true", "none", "some", "a[1, 2]b[]", "circle of 1.5", "square", "42", "nothing",
        "nothing else",
      ])
    #expect(population.count == 0)
  }

  @Test("An object lives as long as its event, or as somebody keeps it")
  func lifetime() throws {
    let population = Population()
    var script = try EventScript(Keeper(population: population))
    try script.play(
      """
      c > S seq 0
      s > SA seq 0 ack 1
      c > A seq 1 ack 1
      c > PA seq 1 ack 1 "a"
      c > PA seq 2 ack 1 "b"
      c > PA seq 3 ack 1 "c"
      """)
    #expect(population.count == 1)
    #expect(try script.play("c > R seq 4") == ["[0] of 1"])
    try script.play("time +61")
    #expect(population.count == 0)
  }
}
