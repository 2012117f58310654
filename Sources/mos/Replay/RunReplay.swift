import Records

#if canImport(Glibc)
  import Glibc
#endif

/// Runs a replay, prints its summary and its problems, and returns the exit status: 0 done, 1 the input was bad in part,
/// 2 usage, 3 a resource failed, 130 interrupted.
func runReplay(_ options: ReplayOptions) -> Int32 {
  InterruptFlag.install()
  OpenFileLimit.raise()
  do {
    var engine = try ReplayEngine.open(options)
    let result = engine.run()
    printSummary(result, options)
    for problem in result.inputProblems { complain("mos: \(problem)\n") }
    if result.interrupted {
      complain("mos: interrupted; \(result.statistics.packets) packets were processed and their records written\n")
    }
    for problem in result.outputProblems { complain("mos: \(problem)\n") }
    if !result.outputProblems.isEmpty { return 3 }
    if result.interrupted { return InterruptFlag.exitStatus }
    return result.inputProblems.isEmpty ? 0 : 1
  } catch {
    complain("mos: \(error.message)\n")
    return error.status
  }
}

/// The summary goes to standard output, unless records go there.
private func printSummary(_ result: ReplayResult, _ options: ReplayOptions) {
  if options.quiet && !options.statisticsRequested { return }
  var text = RecordText()
  switch options.statistics {
  case .text: text.append(string: result.statistics.description)
  case .json: result.statistics.appendJSON(to: &text)
  }
  let toStandardError = [options.connectionLog, options.eve, options.events].contains("-")
  var output = OutputBuffer(descriptor: toStandardError ? 2 : 1, path: "-", ownsDescriptor: false)
  output.write(&text)
  output.finish()
}
