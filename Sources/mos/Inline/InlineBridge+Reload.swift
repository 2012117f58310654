import MOSCore
import PacketIO

extension InlineBridge {
  /// Opens the files of records anew, and reads the configurations of middleboxes again, while the workers go on. Where one
  /// configuration is wrong, all middleboxes keep the ones that they have. Returns what is to be said, a line each.
  func reload() -> [String] {
    records.reopen(at: InlineWorker<DPDKPort>.timeOfDay) + reloadMiddleboxes()
  }

  private func reloadMiddleboxes() -> [String] {
    do throws(ReplayFailure) {
      let reload = try options.flows.middleboxes.readAgain(for: threads.map(\.boxes))
      if reload.lines.isEmpty { return [] }
      for (thread, body) in zip(threads, reload.bodies) { thread.order(WorkerOrder(body)) }
      return options.flows.quiet ? [] : reload.lines
    } catch {
      return [error.message]
    }
  }
}
