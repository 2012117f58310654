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

/// The middleboxes that `--middlebox` and `--config` ask for: each `--config` belongs to the `--middlebox` before it.
struct MiddleboxArguments {
  private(set) var choices: [MiddleboxChoice] = []

  /// Throws a `ValidationError` of one line for a name that there is not, and for a file that belongs to no middlebox
  /// or to one that has a file already.
  init(names: [PlacedValue], files: [PlacedValue]) throws {
    var files = files[...]
    if let file = files.first, names.first.map({ file.place < $0.place }) ?? true {
      throw ValidationError("--config \(file.text): there is no --middlebox before it that it could belong to")
    }
    for (index, name) in names.enumerated() {
      let end = index + 1 < names.count ? names[index + 1].place : .max
      let own = files.prefix { $0.place < end }
      files = files.dropFirst(own.count)
      if own.count > 1 {
        throw ValidationError("--config \(own[own.startIndex + 1].text): --middlebox \(name.text) has one already")
      }
      guard let choice = MiddleboxChoice(named: name.text, configuration: own.first?.text) else {
        throw ValidationError("--middlebox \(name.text): there is none of that name; there is \(NamedMiddlebox.names)")
      }
      choices.append(choice)
    }
  }
}
