import ArgumentParser
import Synchronization

/// An option's value, and its place among all such values of the command line: the parser takes options in their order.
struct PlacedValue: Equatable {
  private static let last = Atomic<UInt64>(0)

  var text: String
  let place: UInt64

  init(_ text: String) {
    self.text = text
    place = PlacedValue.last.add(1, ordering: .relaxed).newValue
  }
}

/// The options that choose middleboxes: each `--config` belongs to the `--middlebox` before it.
struct MiddleboxArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Run a middlebox over the packets. Several stand in a row: packets from clients pass them in this order, packets from servers in the other. (see --list-middleboxes)",
      valueName: "name"),
    transform: PlacedValue.init)
  var middlebox: [PlacedValue] = []

  @Option(
    help: ArgumentHelp("The configuration of the --middlebox before it.", valueName: "file"),
    transform: PlacedValue.init)
  var config: [PlacedValue] = []

  @Flag(help: "Print the names of the middleboxes, and leave.")
  var listMiddleboxes = false

  @Flag(help: "Measure how long each rule of the IDS is asked; the summary has those that were, the most costly first.")
  var ruleStats = false

  /// The middleboxes that are asked for. Throws a `ValidationError` of one line for a name that there is not, for a file
  /// that belongs to no middlebox or to one that has a file already, and for `--rule-stats` where nothing has rules.
  func choices() throws -> [MiddleboxChoice] {
    if listMiddleboxes { throw CleanExit.message(NamedMiddlebox.list) }
    var choices: [MiddleboxChoice] = []
    var files = config[...]
    if let file = files.first, middlebox.first.map({ file.place < $0.place }) ?? true {
      throw ValidationError("--config \(file.text): there is no --middlebox before it that it could belong to")
    }
    for (index, name) in middlebox.enumerated() {
      let end = index + 1 < middlebox.count ? middlebox[index + 1].place : .max
      let own = files.prefix { $0.place < end }
      files = files.dropFirst(own.count)
      if own.count > 1 {
        throw ValidationError("--config \(own[own.startIndex + 1].text): --middlebox \(name.text) has one already")
      }
      let settings = MiddleboxSettings(configuration: own.first?.text, timesRules: ruleStats)
      guard let choice = MiddleboxChoice(named: name.text, settings) else {
        throw ValidationError("--middlebox \(name.text): there is none of that name; there is \(NamedMiddlebox.names)")
      }
      choices.append(choice)
    }
    if ruleStats, !middlebox.contains(where: { $0.text == "ids" }) {
      throw ValidationError("--rule-stats is about the rules of the IDS: give --middlebox ids too")
    }
    return choices
  }
}
