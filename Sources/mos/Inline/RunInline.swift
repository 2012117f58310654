import Records

#if canImport(Glibc)
  import Glibc
#endif

/// Bridges two ports until a signal comes, prints what it came to, and returns the exit status: 0 done, 2 usage, 3 a port or a
/// resource failed. With `--fail` this process stays beside those that do so, which are started with the same `arguments`.
func runInline(_ options: InlineOptions, arguments: [String]) -> Int32 {
  if case .bypass(let descriptor)? = options.role {
    return runBypass(options, FailChannel(descriptor: descriptor))
  }
  guard let mode = options.fail, options.role == nil else { return runBox(options) }
  do {
    var supervisor = try Supervisor(mode, options, arguments: arguments)
    return supervisor.run()
  } catch {
    complain("mos: \(error.message)\n")
    return error.status
  }
}

private func runBox(_ options: InlineOptions) -> Int32 {
  InterruptFlag.install()
  HangupSignal.install()
  do {
    var bridge = try InlineBridge(options) { complain("mos: \($0)\n") }
    if !options.flows.quiet { for line in bridge.portLines { complain("mos: \(line)\n") } }
    bridge.parent?.works()
    let result = bridge.run()
    if !options.flows.quiet { printSummary(result, options) }
    for problem in result.problems { complain("mos: \(problem)\n") }
    return result.problems.isEmpty ? 0 : 3
  } catch {
    complain("mos: \(error.message)\n")
    return error.status
  }
}

private func printSummary(_ result: InlineResult, _ options: InlineOptions) {
  var text = RecordText()
  for port in result.ports { text.append(string: port.line + "\n") }
  if let past = result.past, past.restarts > 0 { text.append(string: past.line + "\n") }
  if let router = result.router { text.append(string: router.line + "\n") }
  text.append(string: result.statistics.description)
  for box in result.boxes { text.append(string: box.description) }
  var output = OutputBuffer(descriptor: options.flows.textDescriptor, path: "-", ownsDescriptor: false)
  output.write(&text)
  output.finish()
}
