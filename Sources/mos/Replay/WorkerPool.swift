import EventDSL
import MOSCore
import Records

/// The workers of a replay: one in the calling thread, or several in threads of their own that flows are spread over by
/// a hash of their addresses and ports.
struct WorkerPool: ~Copyable {
  private var single: FlowWorker?
  private var threads: [WorkerThread] = []
  private let flowHash: FlowHash
  private let keyMask: UInt64
  private let hasRecords: Bool
  /// The first worker's middleboxes, if there are several: they are asked where packets go.
  private let advisers: [any Middlebox]

  /// Starts the workers, each with a row of middleboxes of its own. Throws when a thread or the folder for streams
  /// cannot be had, and what is wrong with a middlebox.
  init(_ options: ReplayOptions, rows: [[any Middlebox]]) throws(ReplayFailure) {
    var options = options
    let secret = options.tracker.secret ?? (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
    options.tracker.secret = secret
    flowHash = FlowHash(secret: secret)
    keyMask = options.tracker.distinguishesVLANs ? ~0 : ~0xffff_ff00
    hasRecords = Recorder.Streams(options).isAny
    single = nil
    advisers = rows.count > 1 ? rows[0] : []
    if rows.count == 1 {
      single = FlowWorker(
        path: try FlowPath(options, boxes: rows[0]), recorder: try Recorder(options), explained: options.explain)
    } else {
      for row in rows {
        threads.append(
          try WorkerThread(
            FlowWorker(
              path: try FlowPath(options, boxes: row), recorder: try Recorder(options), explained: options.explain)))
      }
    }
  }

  /// Takes a burst.
  @inline(__always)
  mutating func process(_ packets: UnsafeMutablePointer<DecodedPacket>, count: Int) {
    if threads.isEmpty {
      single!.process(packets, count: count)
    } else {
      distribute(packets, count: count)
    }
  }

  /// What left since the last call goes to a file; `frames` are what came in that time. Precondition: there is one worker.
  func writeOutput(_ frames: UnsafePointer<CapturedFrame>, count: Int, to capture: inout ForwardedCapture) {
    switch single {
    case .some(let worker): worker.path.writeOutput(frames, count: count, to: &capture)
    case .none: break
    }
  }

  private func distribute(_ packets: UnsafeMutablePointer<DecodedPacket>, count: Int) {
    for index in 0..<count {
      let packet = UnsafePointer(packets + index)
      var worker = 0
      if packet.pointee.kind.rawValue <= PacketKind.icmpv6.rawValue {
        var key = packet.pointee.key
        key.rest &= keyMask
        // Other bits than those that the workers' tables use.
        worker = advised(packet) ?? Int(((flowHash.hash(key) & 0xffff) &* UInt64(threads.count)) >> 16)
      }
      threads[worker].feed(packet)
    }
  }

  private func advised(_ packet: UnsafePointer<DecodedPacket>) -> Int? {
    for box in advisers {
      if let worker = box.worker(of: packet, among: threads.count) { return min(max(worker, 0), threads.count - 1) }
    }
    return nil
  }

  /// Writes what an epoch brought.
  mutating func endEpoch(clock: Timestamp, outputs: inout RecordOutputs) {
    if threads.isEmpty {
      single!.advance(to: clock)
      single!.writeFinished(to: &outputs)
      return
    }
    for thread in threads { thread.flush(.endEpoch, clock: clock) }
    for thread in threads { thread.await() }
    if hasRecords { outputs.merge(threads) }
  }

  /// Ends all flows and writes their records.
  mutating func finish(clock: Timestamp, outputs: inout RecordOutputs) {
    if threads.isEmpty {
      single!.advance(to: clock)
      single!.finish()
      single!.writeFinished(to: &outputs)
      return
    }
    for thread in threads { thread.flush(.finish, clock: clock) }
    for thread in threads {
      thread.await()
      thread.join()
    }
    if hasRecords { outputs.mergeLast(threads) }
  }

  /// What the workers counted, together.
  func collect() -> ReplayStatistics {
    switch single {
    case .some(let worker): return worker.statistics
    case .none: break
    }
    return threads.dropFirst().reduce(threads[0].worker.statistics) { $0 + $1.worker.statistics }
  }

  /// The middleboxes of each worker.
  var rows: [[any Middlebox]] {
    switch single {
    case .some(let worker): return [worker.path.boxes]
    case .none: return threads.map { $0.worker.path.boxes }
    }
  }

  /// What happened to the packet that is to be explained; empty when it did not come.
  var explanation: [String] {
    switch single {
    case .some(let worker): return worker.explanation
    case .none: return threads.lazy.map { $0.worker.explanation }.first { !$0.isEmpty } ?? []
    }
  }

  /// Packets that they dropped.
  var drops: [[UInt64]] {
    switch single {
    case .some(let worker): return [worker.path.drops]
    case .none: return threads.map { $0.worker.path.drops }
    }
  }

  /// Packets that found no room on their way out.
  var lostOutput: UInt64 {
    switch single {
    case .some(let worker): return worker.path.lostOutput
    case .none: return threads.reduce(0) { $0 &+ $1.worker.path.lostOutput }
    }
  }

  /// What went wrong with the files of the streams.
  var extractionErrors: [OutputError] {
    switch single {
    case .some(let worker): return [worker.recorder.extractionError].compactMap { $0 }
    case .none: break
    }
    return threads.compactMap { $0.worker.recorder.extractionError }
  }
}
