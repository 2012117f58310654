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

/// Prints what was asked about one packet, and the summary.
private func printSummary(_ result: ReplayResult, _ options: ReplayOptions) {
  var text = RecordText()
  for line in result.explanation {
    // What a packet holds may be in it.
    text.appendEscaped(string: line)
    text.append(UInt8(ascii: "\n"))
  }
  if !options.quiet || options.statisticsRequested {
    switch options.statistics {
    case .text:
      text.append(string: result.statistics.description)
      for box in result.boxes { text.append(string: box.description) }
    case .json: result.statistics.appendJSON(to: &text, boxes: result.boxes)
    }
  }
  var output = OutputBuffer(descriptor: options.textDescriptor, path: "-", ownsDescriptor: false)
  output.write(&text)
  output.finish()
}
