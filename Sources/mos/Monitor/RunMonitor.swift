import Records

/// Monitors interfaces until a signal comes, prints what it came to, and returns the exit status: 0 done, 2 usage, 3 an interface
/// or a resource failed.
func runMonitor(_ options: MonitorOptions) -> Int32 {
  InterruptFlag.install()
  HangupSignal.install()
  do {
    var monitor = try LiveMonitor.open(options)
    if !options.flows.quiet { for line in monitor.portLines { complain("mos: \(line)\n") } }
    let result = monitor.run()
    if !options.flows.quiet { printSummary(result, options) }
    for problem in result.problems { complain("mos: \(problem)\n") }
    return result.problems.isEmpty && !result.hasLostInterface ? 0 : 3
  } catch {
    complain("mos: \(error.message)\n")
    return error.status
  }
}

private func printSummary(_ result: MonitorResult, _ options: MonitorOptions) {
  var text = RecordText()
  for interface in result.interfaces { text.append(string: interface.line + "\n") }
  text.append(string: result.statistics.description)
  for box in result.boxes { text.append(string: box.description) }
  var output = OutputBuffer(descriptor: options.flows.textDescriptor, path: "-", ownsDescriptor: false)
  output.write(&text)
  output.finish()
}
