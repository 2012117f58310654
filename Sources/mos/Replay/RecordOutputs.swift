import MOSCore
import Records

/// The files of the record streams.
struct RecordOutputs: ~Copyable {
  var connections: OutputBuffer?
  var eve: OutputBuffer?
  var events: OutputBuffer?
  /// Reports of middleboxes for people.
  var reports: OutputBuffer?
  private let log: ConnectionLog?
  /// The connection records go on behind others that have their header.
  private var hasHeader = false

  /// Opens the files that `options` name; if `appends`, what is in them stays.
  init(_ options: ReplayOptions, appends: Bool = false) throws(ReplayFailure) {
    log = ConnectionLog(options)
    connections = try RecordOutputs.open(options.connectionLog, appends, headerLines: log?.headerLines ?? 0)
    eve = try RecordOutputs.open(options.eve, appends)
    events = try RecordOutputs.open(options.events, appends)
    reports =
      Recorder.Streams(options).reportLines
      ? OutputBuffer(descriptor: options.textDescriptor, path: "-", ownsDescriptor: false) : nil
    hasHeader = connections?.hasContent ?? false
  }

  private static func open(
    _ path: String?, _ appends: Bool, headerLines: Int = 0
  ) throws(ReplayFailure) -> OutputBuffer? {
    guard let path else { return nil }
    do { return try OutputBuffer(path: path, headerLines: headerLines, appends: appends) } catch {
      throw ReplayFailure(message: error.description, status: 3)
    }
  }

  /// Writes what one worker collected, and empties it.
  mutating func write(_ recorder: inout Recorder) {
    RecordOutputs.move(&recorder.eventBlock, to: &events)
    RecordOutputs.move(&recorder.eveBlock, to: &eve)
    RecordOutputs.move(&recorder.eveFlowBlock, to: &eve)
    RecordOutputs.move(&recorder.connectionBlock, to: &connections)
    RecordOutputs.move(&recorder.reportBlock, to: &reports)
  }

  /// Writes what several workers formatted in one epoch, in the order of its keys. The workers are waiting.
  mutating func merge(_ threads: [WorkerThread]) {
    RecordOutputs.merge(threads, .events, to: &events)
    RecordOutputs.merge(threads, .eve, to: &eve)
    RecordOutputs.merge(threads, .eveFlows, to: &eve)
    RecordOutputs.merge(threads, .connections, to: &connections)
    RecordOutputs.merge(threads, .reports, to: &reports)
  }

  /// Writes the last epoch's records: those of flows one by one, because they may be all flows of the trace.
  mutating func mergeLast(_ threads: [WorkerThread]) {
    merge(threads)
    var positions = [Int](repeating: 0, count: threads.count)
    while true {
      var next: (worker: Int, key: (UInt64, UInt64))?
      for (index, thread) in threads.enumerated() {
        guard let key = thread.worker.nextFinishedKey(positions[index]) else { continue }
        if let known = next, known.key <= key { continue }
        next = (index, key)
      }
      guard let next else { return }
      threads[next.worker].worker.formatFinished(at: positions[next.worker])
      positions[next.worker] += 1
      write(&threads[next.worker].worker.recorder)
    }
  }

  private static func merge(_ threads: [WorkerThread], _ stream: Recorder.Stream, to output: inout OutputBuffer?) {
    guard output != nil else { return }
    let blocks = UnsafeMutableBufferPointer<RecordBlock>.allocate(capacity: threads.count)
    for (index, thread) in threads.enumerated() {
      blocks.initializeElement(at: index, to: RecordBlock(capacity: 16))
      thread.worker.recorder.exchange(stream, with: &blocks[index])
    }
    RecordBlock.write(blocks, to: &output!)
    for (index, thread) in threads.enumerated() { thread.worker.recorder.exchange(stream, with: &blocks[index]) }
    blocks.deinitialize()
    blocks.deallocate()
  }

  /// One block, in the order of its keys.
  static func move(_ block: inout RecordBlock, to output: inout OutputBuffer?) {
    if block.entries.isEmpty { return }
    if output == nil {
      block.removeAll()
      return
    }
    withUnsafeMutablePointer(to: &block) { block in
      RecordBlock.write(UnsafeMutableBufferPointer(start: block, count: 1), to: &output!)
    }
  }

  /// Writes what stands before the first record, when the time of the first packet is known.
  mutating func begin(opened: Timestamp) {
    var text = RecordText()
    if !hasHeader { log?.appendHeader(opened: opened, to: &text) }
    connections?.write(&text)
  }

  /// Goes on in new files where the old ones were moved away or could not be written. Returns what is wrong: of those that
  /// could not be written, and of new ones that cannot be opened, in place of which the old ones are used.
  mutating func reopen(at time: Timestamp) -> [OutputError] {
    var header = RecordText()
    var footer = RecordText()
    log?.appendHeader(opened: time, to: &header)
    log?.appendFooter(closed: time, to: &footer)
    let empty = RecordText()
    return RecordOutputs.reopen(&connections, footer, header, headerLines: log?.headerLines ?? 0)
      + RecordOutputs.reopen(&eve, empty, empty) + RecordOutputs.reopen(&events, empty, empty)
  }

  private static func reopen(
    _ output: inout OutputBuffer?, _ footer: borrowing RecordText, _ header: borrowing RecordText, headerLines: Int = 0
  ) -> [OutputError] {
    output?.flush()
    let problem = output?.error
    guard output?.isMoved == true || problem != nil else { return [] }
    do throws(OutputError) {
      try output?.reopen(footer: footer, header: header, headerLines: headerLines)
      return problem.map { [$0] } ?? []
    } catch {
      return [error]
    }
  }

  /// Hands everything to the system, for people who look at the files while they grow.
  mutating func flush() {
    connections?.flush()
    eve?.flush()
    events?.flush()
    reports?.flush()
  }

  /// Writes EVE's `stats` record, which counts the packets from `start` to `end`.
  mutating func writeStatistics(_ statistics: ReplayStatistics, start: Timestamp, end: Timestamp) {
    guard eve != nil else { return }
    var text = RecordText()
    EVE.append(stats: statistics, start: start, timestamp: end, to: &text)
    eve?.write(&text)
  }

  /// Writes what stands behind the last record and closes the files. Returns what went wrong, the first of each file.
  mutating func finish(closed: Timestamp) -> [OutputError] {
    var text = RecordText()
    log?.appendFooter(closed: closed, to: &text)
    connections?.write(&text)
    connections?.finish()
    eve?.finish()
    events?.finish()
    reports?.finish()
    return [connections?.error, eve?.error, events?.error, reports?.error].compactMap { $0 }
  }
}
