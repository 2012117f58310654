import ArgumentParser
import EventDSL
import Middleboxes
import Records

/// Checks a configuration of `mos inline`, prints what is in it, says what is wrong, and returns the exit status: 0 nothing, 1
/// something.
func runCheck(_ path: String) -> Int32 {
  var problems: [String] = []
  var lines: [String] = []
  do {
    // After a hyphen-hyphen, a path that begins with a hyphen is one.
    let options = try InlineCommand.parse(["--", path]).options()
    lines.append(summary(options))
    for choice in options.flows.middleboxes {
      do {
        let check = try choice.check(workers: options.flows.workers)
        lines.append("\(choice.name): \(check.summary)")
        problems += check.problems
      } catch { problems.append("\(choice.name): \(error)") }
    }
  } catch let error as ConfigurationError {
    problems.append(error.description)
  } catch {
    problems.append("\(path): \(InlineCommand.message(for: error))")
  }
  for line in lines { print(line) }
  for problem in problems { complain("mos: \(problem)\n") }
  if problems.isEmpty { print("\(path): nothing is wrong") }
  return problems.isEmpty ? 0 : 1
}

private func summary(_ options: InlineOptions) -> String {
  let workers = options.flows.workers
  let fail = options.fail.map { ", fail \($0.rawValue)" } ?? ""
  return "ports: \(options.ports.joined(separator: " and ")), \(workers) worker\(workers == 1 ? "" : "s")\(fail)"
}
