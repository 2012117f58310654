import EventDSL
import Middleboxes

/// A configuration that was read again, and is not in use yet.
struct MiddleboxReload {
  /// What is to be said of it, behind the middlebox's name.
  let message: String
  /// Readies it for the middlebox of one worker, which goes on meanwhile; what comes back puts it to use, and is to be called
  /// on the worker's thread, between two bursts. Throws where there is no memory.
  let prepare: (_ box: any Middlebox) throws -> () -> Void
}

extension MiddleboxReload {
  /// The rules of an IDS.
  static func ids(_ settings: MiddleboxSettings) throws -> MiddleboxReload {
    let configuration = try IDSConfiguration(settings)
    let wrong = configuration.ruleSet.errors.count
    return MiddleboxReload(
      message: "\(configuration.ruleCount) rules are in use now" + (wrong == 0 ? "" : ", \(wrong) wrong ones are not")
    ) { box in
      guard let ids = box as? IDS else { return {} }
      let replacement = try ids.prepare(configuration)
      return { ids.replace(by: replacement) }
    }
  }

  /// The rules of a firewall.
  static func firewall(_ settings: MiddleboxSettings) throws -> MiddleboxReload {
    let policy = try FirewallPolicy(path: settings.file("a file with rules"))
    return MiddleboxReload(message: "\(policy.ruleCount) rules are in use now") { box in
      guard let firewall = box as? Firewall else { return {} }
      return { firewall.replace(by: policy) }
    }
  }
}

extension [MiddleboxChoice] {
  /// Reads the configurations again, and readies them for the middleboxes of each worker (`rows`), which go on meanwhile.
  /// Returns what is to be said, a line each, and for each worker what puts them to use: as `MiddleboxReload.prepare` has it.
  /// Throws where one is wrong: then none is to be used.
  func readAgain(for rows: [[any Middlebox]]) throws(ReplayFailure) -> (lines: [String], bodies: [() -> Void]) {
    var lines: [String] = []
    var parts = [[() -> Void]](repeating: [], count: rows.count)
    for (place, choice) in enumerated() {
      guard let read = choice.reload else { continue }
      do {
        let reload = try read()
        for (worker, row) in rows.enumerated() { parts[worker].append(try reload.prepare(row[place])) }
        lines.append("--middlebox \(choice.name): \(reload.message)")
      } catch {
        throw ReplayFailure(message: "--middlebox \(choice.name): \(error); nothing was changed", status: 2)
      }
    }
    return (lines, parts.map { bodies in { for body in bodies { body() } } })
  }
}

extension IDSConfiguration {
  /// What the command line says.
  init(_ settings: MiddleboxSettings) throws {
    try self.init(path: settings.file("a file that names files of rules"))
    if settings.timesRules { timesRules = true }
  }
}

extension MiddleboxSettings {
  /// The configuration's file. Throws where there is none; `what` it should be.
  func file(_ what: String) throws -> String {
    guard let configuration else { throw MissingConfiguration(what: what) }
    return configuration
  }
}

/// A middlebox that does nothing without a file.
private struct MissingConfiguration: Error, CustomStringConvertible {
  var what: String
  var description: String { "it needs \(what): give --config FILE behind it" }
}
