import DualStackTracker
import EventDSL
import MOSCore
import PacketIO
import Records

#if canImport(Glibc)
  import Glibc
#endif

/// What a replay came to.
struct ReplayResult {
  var statistics = ReplayStatistics()
  /// What each middlebox says.
  var boxes: [MiddleboxSummary] = []
  /// What happened to the packet that was asked about.
  var explanation: [String] = []
  /// What was wrong with the captures, the filter and the files of the records.
  var inputProblems: [String] = []
  var outputProblems: [String] = []
  var interrupted = false
}

/// What cannot be started, with the exit status that the command ends with.
struct ReplayFailure: Error {
  var message: String
  var status: Int32
}

/// Runs captures through the tracker.
///
/// The trace is cut into epochs of a fixed number of packets. Records that a packet causes come in the order of the
/// packets, those that time causes at the end of the epoch in which their time came: so the same trace gives the same
/// records in the same order with any number of workers.
struct ReplayEngine: ~Copyable {
  /// Packets in an epoch.
  static let epoch: UInt64 = 16_384

  private let options: ReplayOptions
  private var source: ReplaySource
  private var intake: PacketIntake
  private var outputs: RecordOutputs
  private var pool: WorkerPool
  private var capture: ForwardedCapture?
  private let frames: UnsafeMutablePointer<CapturedFrame>
  private let packets: UnsafeMutablePointer<DecodedPacket>
  private var pace: Pace
  private var hasBegun = false
  private var progress: ProgressBar

  /// Opens everything that `options` names. Throws when something cannot be opened, compiled or read at all.
  static func open(_ options: ReplayOptions) throws(ReplayFailure) -> ReplayEngine {
    let source: ReplaySource
    do { source = try ReplaySource(options) } catch { throw ReplayFailure(message: error.description, status: 1) }
    let intake: PacketIntake
    do { intake = try PacketIntake(configuration: options.decoder, filter: options.filter) } catch {
      throw ReplayFailure(message: error.description, status: 2)
    }
    // Before the files of records are emptied: a middlebox's configuration may be wrong.
    var rows: [[any Middlebox]] = []
    for worker in 0..<options.workers {
      rows.append(try options.middleboxes.make(worker: worker, of: options.workers))
    }
    let outputs = try RecordOutputs(options)
    let pool = try WorkerPool(options, rows: rows)
    let capture = try ForwardedCapture(options)
    return ReplayEngine(options, source, intake, outputs, pool, capture)
  }

  private init(
    _ options: ReplayOptions, _ source: consuming ReplaySource, _ intake: consuming PacketIntake,
    _ outputs: consuming RecordOutputs, _ pool: consuming WorkerPool, _ capture: consuming ForwardedCapture?
  ) {
    self.options = options
    self.source = source
    self.intake = intake
    self.outputs = outputs
    self.pool = pool
    self.capture = capture
    frames = .allocate(capacity: FlowWorker.burst)
    packets = .allocate(capacity: FlowWorker.burst)
    pace = Pace(options.speed)
    // Lines of reports on the same terminal would be written through it.
    let hasLines = Recorder.Streams(options).reportLines && isatty(options.textDescriptor) == 1
    progress = ProgressBar(isEnabled: !options.quiet && !hasLines)
  }

  deinit {
    frames.deallocate()
    packets.deallocate()
  }

  /// Runs the trace to its end, or until it is interrupted.
  mutating func run() -> ReplayResult {
    var result = ReplayResult()
    var fastest = UInt64.max
    let start = ContinuousClock.now
    for loop in 0..<max(1, options.loops) {
      if loop > 0 { source.rewind() }
      let began = ContinuousClock.now
      runOnce(&result)
      fastest = min(fastest, (ContinuousClock.now - began).inNanoseconds)
      if result.interrupted { break }
    }
    pool.finish(clock: intake.clock, outputs: &outputs)
    writeOutput(of: 0)
    progress.finish()
    result.statistics = pool.collect()
    result.boxes = pool.boxes(options.middleboxes.map(\.name))
    intake.collect(into: &result.statistics)
    result.statistics.elapsedNanoseconds = (ContinuousClock.now - start).inNanoseconds
    result.statistics.peakAnonymousBytes = MemoryUsage.anonymousBytes
    result.statistics.workers = UInt64(options.workers)
    result.statistics.loops = UInt64(max(1, options.loops))
    if options.loops > 1 || options.preload { result.statistics.fastestLoopNanoseconds = fastest }
    result.explanation = pool.explanation
    result.inputProblems += source.problems.map(\.description)
    if let number = options.explain, result.explanation.isEmpty {
      result.inputProblems.append("--explain \(number): the trace has \(intake.number) packets")
    }
    outputs.writeStatistics(result.statistics, start: intake.first, end: intake.clock)
    result.outputProblems = (outputs.finish(closed: intake.clock) + pool.extractionErrors).map(\.description)
    result.outputProblems += capture?.finish(lost: pool.lostOutput) ?? []
    return result
  }

  /// What left of the burst of `count` packets, and since the burst before, goes to the file for it.
  private mutating func writeOutput(of count: Int) {
    if capture != nil { pool.writeOutput(frames, count: count, to: &capture!) }
  }

  /// One loop over the trace: burst by burst, and the end of the epoch where one ends.
  private mutating func runOnce(_ result: inout ReplayResult) {
    while true {
      let room = ReplayEngine.epoch - intake.number % ReplayEngine.epoch
      let wanted = pace.isLimited ? 1 : min(FlowWorker.burst, Int(room))
      let count = source.next(into: frames, capacity: wanted)
      if count == 0 { return }
      if pace.isLimited { pace.wait(for: frames[0].timestamp) }
      do { try intake.decode(frames, count: count, into: packets) } catch {
        result.inputProblems.append(error.description)
        return
      }
      if !hasBegun {
        outputs.begin(opened: packets[0].timestamp)
        hasBegun = true
      }
      pool.process(packets, count: count)
      writeOutput(of: count)
      if intake.number % ReplayEngine.epoch == 0 {
        pool.endEpoch(clock: intake.clock, outputs: &outputs)
        writeOutput(of: 0)
        let read = source.progress
        progress.update(bytesRead: read.bytes, total: read.total, packets: intake.number)
      }
      if InterruptFlag.isSet {
        result.interrupted = true
        return
      }
    }
  }
}

extension Duration {
  /// The duration in seconds.
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }

  /// The duration in nanoseconds; 0 for a negative one.
  var inNanoseconds: UInt64 {
    UInt64(clamping: components.seconds &* 1_000_000_000 &+ components.attoseconds / 1_000_000_000)
  }
}
