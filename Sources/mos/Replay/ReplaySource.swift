import MOSCore
import PacketIO

/// Where a replay's frames come from: the files as they are read, or a trace in memory that is run over several times.
struct ReplaySource: ~Copyable {
  private var reader: TraceReader?
  private var trace: PreloadedTrace?
  private let isInMemory: Bool

  /// Opens the files of `options`, and reads them whole where they are to be in memory.
  init(_ options: ReplayOptions) throws(CaptureError) {
    isInMemory = options.preload || options.loops > 1
    if isInMemory {
      trace = try PreloadedTrace(paths: options.files)
      reader = nil
    } else {
      reader = try TraceReader(paths: options.files)
      trace = nil
    }
  }

  /// The next frames; 0 at the end of the trace, or of one loop over it. They are valid until the next call.
  @inline(__always)
  mutating func next(into frames: UnsafeMutablePointer<CapturedFrame>, capacity: Int) -> Int {
    if isInMemory { return trace!.next(into: frames, capacity: capacity) }
    return reader!.next(into: frames, capacity: capacity)
  }

  /// Begins the next loop.
  mutating func rewind() { trace?.rewind() }

  /// Damage met so far.
  var problems: [CaptureError] {
    switch trace {
    case .some(let trace): return trace.problems
    case .none: break
    }
    switch reader {
    case .some(let reader): return reader.problems
    case .none: return []
    }
  }

  /// Bytes read of the files, and how many there are where that is known.
  var progress: (bytes: UInt64, total: UInt64?) {
    switch reader {
    case .some(let reader): (reader.byteOffset, reader.totalBytes)
    case .none: (0, nil)
    }
  }
}
