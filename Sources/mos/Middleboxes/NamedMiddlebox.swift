import EventDSL
import Middleboxes

/// A middlebox that the command line knows by name.
struct NamedMiddlebox: Sendable {
  /// What `--middlebox` calls it.
  let name: String
  /// What it does, for `--list-middleboxes`: a few words.
  let help: String
  /// Makes one, for worker `worker` of `workers`, as its settings say. Throws an error whose description
  /// is one line.
  let make: @Sendable (_ settings: MiddleboxSettings, _ worker: Int, _ workers: Int) throws -> any Middlebox
  /// Reads its configuration again; nil for one that keeps what it was started with. Throws as `make` does.
  let reload: (@Sendable (_ settings: MiddleboxSettings) throws -> MiddleboxReload)?
  /// Says what is in its configuration; nil where making one finds all that can be wrong. Throws as `make` does.
  let check: (@Sendable (_ settings: MiddleboxSettings) throws -> MiddleboxCheck)?

  init(
    name: String, help: String, reload: (@Sendable (MiddleboxSettings) throws -> MiddleboxReload)? = nil,
    check: (@Sendable (MiddleboxSettings) throws -> MiddleboxCheck)? = nil,
    make: @escaping @Sendable (MiddleboxSettings, Int, Int) throws -> any Middlebox
  ) {
    (self.name, self.help, self.make, self.reload, self.check) = (name, help, make, reload, check)
  }

  /// Every middlebox that there is.
  static let all: [NamedMiddlebox] = [
    NamedMiddlebox(
      name: "ids", help: "intrusion detection by Suricata's and Snort's rules; --config: files of rules, networks",
      reload: MiddleboxReload.ids, check: MiddleboxCheck.ids
    ) { settings, _, _ in try IDS(IDSConfiguration(settings)) },
    NamedMiddlebox(
      name: "firewall", help: "stateful rules, rate limits and SYN-flood protection; --config: the rules",
      reload: MiddleboxReload.firewall, check: MiddleboxCheck.firewall
    ) { settings, _, _ in try Firewall(path: settings.file("a file with rules")) },
    NamedMiddlebox(
      name: "monitor", help: "top talkers, counters for each service, how TCP connections ended; --config: sizes"
    ) { settings, _, _ in
      Monitor(try settings.configuration.map(MonitorConfiguration.init(path:)) ?? MonitorConfiguration())
    },
    NamedMiddlebox(
      name: "nat", help: "address translation for IPv4: mappings, forwards, one-to-one; --config: addresses and more"
    ) { settings, worker, workers in
      let path = try settings.file("a file with addresses")
      // The same ports each time that a capture is played.
      return NAT(try NATConfiguration(path: path), worker: worker, of: workers, seed: 1)
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

/// What the command line says of a middlebox.
struct MiddleboxSettings: Sendable {
  /// The file that `--config` names.
  var configuration: String?
  /// `--rule-stats` was given.
  var timesRules = false
}

/// A middlebox of the row that was asked for.
struct MiddleboxChoice: Sendable {
  /// Its name.
  var name: String
  private let makeOne: @Sendable (_ worker: Int, _ workers: Int) throws -> any Middlebox
  /// Reads its configuration again; nil where there is none, or where it stays as it is.
  let reload: (@Sendable () throws -> MiddleboxReload)?
  private let checkOne: (@Sendable () throws -> MiddleboxCheck)?

  /// A choice of one that is the same for all workers.
  init(name: String, make: @escaping @Sendable () throws -> any Middlebox) {
    self.name = name
    makeOne = { _, _ in try make() }
    reload = nil
    checkOne = nil
  }

  /// The middlebox with a name; nil when there is none of that name.
  init?(named name: String, _ settings: MiddleboxSettings = MiddleboxSettings()) {
    guard let known = NamedMiddlebox.all.first(where: { $0.name == name }) else { return nil }
    self.name = name
    makeOne = { try known.make(settings, $0, $1) }
    if let check = known.check { checkOne = { try check(settings) } } else { checkOne = nil }
    guard settings.configuration != nil, let read = known.reload else {
      reload = nil
      return
    }
    reload = { try read(settings) }
  }

  /// What is in its configuration. Throws what is wrong with it.
  func check(workers: Int) throws -> MiddleboxCheck {
    if let checkOne { return try checkOne() }
    for worker in 0..<workers { _ = try make(worker: worker, of: workers) }
    return MiddleboxCheck(summary: "nothing is wrong")
  }

  /// Makes one for worker `worker` of `workers`.
  func make(worker: Int = 0, of workers: Int = 1) throws -> any Middlebox { try makeOne(worker, workers) }
}

extension [MiddleboxChoice] {
  /// A row of new middleboxes for worker `worker` of `workers`. Throws the first failure.
  func make(worker: Int = 0, of workers: Int = 1) throws(ReplayFailure) -> [any Middlebox] {
    var row: [any Middlebox] = []
    for choice in self {
      do { row.append(try choice.make(worker: worker, of: workers)) } catch {
        throw ReplayFailure(message: "--middlebox \(choice.name): \(error)", status: 2)
      }
    }
    return row
  }
}
