import MOSCore
import Records
import Synchronization

/// The files of the records, which the workers of a bridge write in turn.
final class InlineRecords: Sendable {
  private struct State: ~Copyable {
    var outputs: RecordOutputs
    var hasBegun = false
  }

  private let state: Mutex<State>

  /// Opens the files that `options` name, to go on at their ends if `appends`.
  init(_ options: ReplayOptions, appends: Bool = false) throws(ReplayFailure) {
    state = Mutex(State(outputs: try RecordOutputs(options, appends: appends)))
  }

  /// A packet came at this time, maybe the first.
  func begin(opened: Timestamp) {
    state.withLock { state in
      if !state.hasBegun { state.outputs.begin(opened: opened) }
      state.hasBegun = true
    }
  }

  /// Writes what a worker has collected; for people who look at the files while they grow, if `isLive`, up to the last line.
  func write(_ worker: inout FlowWorker, isLive: Bool) {
    state.withLock { state in
      worker.writeFinished(to: &state.outputs)
      if isLive { state.outputs.flush() }
    }
  }

  /// Goes on in new files where the old ones were moved away. Returns what is wrong.
  func reopen(at time: Timestamp) -> [String] {
    state.withLock { state in state.outputs.reopen(at: time).map(\.description) }
  }

  /// Writes what stands behind the last record, and closes the files. Returns what went wrong.
  func finish(_ statistics: ReplayStatistics, first: Timestamp, last: Timestamp) -> [String] {
    state.withLock { state in
      state.outputs.writeStatistics(statistics, start: first, end: last)
      return state.outputs.finish(closed: last).map(\.description)
    }
  }
}
