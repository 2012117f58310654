import DualStackTracker
import MOSCore
import Records

/// The workers of a replay. One of them runs in the calling thread.
struct WorkerPool: ~Copyable {
  private var worker: FlowWorker

  init(_ options: ReplayOptions) throws(ReplayFailure) {
    worker = FlowWorker(options, recorder: try Recorder(options))
  }

  /// Takes a burst.
  @inline(__always)
  mutating func process(_ packets: UnsafeMutablePointer<DecodedPacket>, count: Int) {
    worker.process(packets, count: count)
  }

  /// Writes what an epoch brought.
  mutating func endEpoch(clock: Timestamp, outputs: inout RecordOutputs) {
    worker.advance(to: clock)
    worker.writeFinished(to: &outputs)
  }

  /// Ends all flows and writes their records.
  mutating func finish(clock: Timestamp, outputs: inout RecordOutputs) {
    worker.advance(to: clock)
    worker.finish()
    worker.writeFinished(to: &outputs)
  }

  /// What the workers counted, together.
  func collect() -> ReplayStatistics {
    worker.statistics
  }

  /// What went wrong with the files of the streams.
  var extractionErrors: [OutputError] { [worker.recorder.extractionError].compactMap { $0 } }
}
