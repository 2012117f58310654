import MOSCore

/// Reads one or more captures as one trace, in the order of their packets' times.
///
/// Packets of equal times come in the order of the files; within a file its own order is kept, also where times run
/// backwards. Packet `packetsRead + 1` is the first that the next call gives: numbers count over the whole trace.
public struct TraceReader: ~Copyable {
  /// Damage met so far, in the order in which it was met. The file concerned ends there, the others go on.
  public private(set) var problems: [CaptureError] = []
  /// Frames given out so far.
  public private(set) var packetsRead: UInt64 = 0
  private var sources: MergeHeap

  /// Opens all files; `-` is standard input. Throws at the first that cannot be opened or is no capture, or when
  /// `paths` is empty.
  public init(paths: [String]) throws(CaptureError) {
    sources = MergeHeap(capacity: paths.count)
    if paths.isEmpty { throw CaptureError(kind: .cannotOpen, file: "FILE", reason: "no capture was named") }
    if paths.lazy.filter({ $0 == "-" }).count > 1 {
      throw CaptureError(kind: .cannotOpen, file: ByteWindow.standardInputName, reason: "named more than once")
    }
    for path in paths { sources.add(try CaptureReader(path: path)) }
  }

  /// Reads captures that are in memory as one trace; the bytes are borrowed and must outlive the reader.
  public init(buffers: [UnsafeRawBufferPointer]) throws(CaptureError) {
    sources = MergeHeap(capacity: buffers.count)
    for (index, bytes) in buffers.enumerated() {
      sources.add(try CaptureReader(bytes: bytes, name: "buffer \(index)"))
    }
  }

  /// Gives out the next frames, up to `capacity` (at least 1) of them; 0 at the end of all files.
  ///
  /// The frames' bytes stay valid until the next call. Look at `problems` at the end.
  public mutating func next(into frames: UnsafeMutablePointer<CapturedFrame>, capacity: Int) -> Int {
    let count = sources.next(into: frames, capacity: capacity, problems: &problems)
    packetsRead &+= UInt64(count)
    return count
  }

  /// Bytes read of all files.
  public var byteOffset: UInt64 { sources.byteOffset }

  /// The files' length together; nil when one of them is a stream.
  public var totalBytes: UInt64? { sources.totalBytes }
}
