import EventDSL
import Middleboxes

/// A middlebox that the command line knows by name.
struct NamedMiddlebox: Sendable {
  /// What `--middlebox` calls it.
  let name: String
  /// What it does, for `--list-middleboxes`: a few words.
  let help: String
  /// Makes one, for one worker, as the file says that `--config` names. Throws an error whose description is one line.
  let make: @Sendable (_ configuration: String?) throws -> any Middlebox

  /// Every middlebox that there is.
  static let all: [NamedMiddlebox] = [
    NamedMiddlebox(name: "firewall", help: "stateful rules, rate limits and SYN-flood protection; --config: the rules")
    {
      guard let path = $0 else { throw MissingConfiguration(what: "a file with rules") }
      return try Firewall(path: path)
    },
    NamedMiddlebox(
      name: "monitor", help: "top talkers, counters for each service, how TCP connections ended; --config: sizes"
    ) {
      Monitor(try $0.map(MonitorConfiguration.init(path:)) ?? MonitorConfiguration())
    },
  ]

  /// The names, as a list for messages.
  static var names: String { all.map(\.name).joined(separator: ", ") }

  /// What `--list-middleboxes` prints: a line for each.
  static var list: String {
    let width = all.map(\.name.count).max() ?? 0
    return all.map { box in
      "\(box.name)\(String(repeating: " ", count: width - box.name.count))  \(box.help)"
    }.joined(separator: "\n")
  }
}

/// A middlebox that does nothing without a file.
private struct MissingConfiguration: Error, CustomStringConvertible {
  var what: String
  var description: String { "it needs \(what): give --config FILE behind it" }
}

/// A middlebox of the row that was asked for.
struct MiddleboxChoice: Sendable {
  /// Its name.
  var name: String
  /// Makes one for one worker.
  var make: @Sendable () throws -> any Middlebox

  /// A choice from its parts.
  init(name: String, make: @escaping @Sendable () throws -> any Middlebox) {
    self.name = name
    self.make = make
  }

  /// The middlebox with a name, as a file configures it; nil when there is none of that name.
  init?(named name: String, configuration: String?) {
    guard let known = NamedMiddlebox.all.first(where: { $0.name == name }) else { return nil }
    self.init(name: name) { try known.make(configuration) }
  }
}

extension [MiddleboxChoice] {
  /// A row of new middleboxes. Throws the first failure.
  func make() throws(ReplayFailure) -> [any Middlebox] {
    var row: [any Middlebox] = []
    for choice in self {
      do { row.append(try choice.make()) } catch {
        throw ReplayFailure(message: "--middlebox \(choice.name): \(error)", status: 2)
      }
    }
    return row
  }
}
