import MOSCore
import PacketIO

extension InlineBridge {
  /// Opens the files of records anew, and reads the configurations of middleboxes again, while the workers go on. Where one
  /// configuration is wrong, all middleboxes keep the ones that they have. Returns what is to be said, a line each.
  func reload() -> [String] {
    records.reopen(at: InlineWorker<DPDKPort>.timeOfDay) + reloadMiddleboxes()
  }

  private func reloadMiddleboxes() -> [String] {
    var lines: [String] = []
    var bodies = [[() -> Void]](repeating: [], count: threads.count)
    for (place, choice) in options.flows.middleboxes.enumerated() {
      guard let read = choice.reload else { continue }
      do {
        let reload = try read()
        for (worker, thread) in threads.enumerated() { bodies[worker].append(try reload.prepare(thread.boxes[place])) }
        lines.append("--middlebox \(choice.name): \(reload.message)")
      } catch {
        return ["--middlebox \(choice.name): \(error); nothing was changed"]
      }
    }
    if lines.isEmpty { return [] }
    for (thread, bodies) in zip(threads, bodies) { thread.order(WorkerOrder { for body in bodies { body() } }) }
    return options.flows.quiet ? [] : lines
  }
}
