import MOSCore

/// Reads the frames of one capture, pcap or pcapng, in the order in which they stand there.
///
/// Files, pipes and devices are read through a window of 128 KiB (more only for a longer frame). Nothing is allocated per
/// packet. Damage ends the reading: frames before it are given out first.
public struct CaptureReader: ~Copyable {
  /// The name that errors carry.
  public let file: String
  /// Frames given out so far.
  public private(set) var packetsRead: UInt64 = 0
  private var window: ByteWindow
  private var records: RecordFormat?
  private var blocks: BlockFormat?
  private var isFinished = false

  /// Opens the capture at `path`; `-` is standard input.
  ///
  /// Throws when there is no such file, it cannot be read, is a directory or no capture, or is a pcap file of a link
  /// type that the decoder does not know. Waits for a pipe's first bytes.
  public init(path: String) throws(CaptureError) {
    let window = try ByteWindow(path: path)
    try self.init(window: window, file: path == "-" ? ByteWindow.standardInputName : path)
  }

  /// Reads a capture that is in memory. The bytes are borrowed and must outlive the reader; `name` is for errors.
  public init(bytes: UnsafeRawBufferPointer, name: String = "memory") throws(CaptureError) {
    try self.init(window: ByteWindow(borrowing: bytes), file: name)
  }

  private init(window: consuming ByteWindow, file: String) throws(CaptureError) {
    self.file = file
    self.window = window
    try fill(atLeast: 4)
    guard self.window.available >= 4 else { throw unrecognized() }
    let magic = self.window.cursor.loadUnaligned(as: UInt32.self)
    let isBlocks = magic == BlockFormat.sectionType
    guard isBlocks || RecordFormat.recognizes(magic) else { throw unrecognized() }
    let length = isBlocks ? BlockFormat.fileHeaderLength : RecordFormat.fileHeaderLength
    try fill(atLeast: length)
    guard self.window.available >= length else {
      throw CaptureError(
        kind: .notACapture, file: file, reason: "truncated in the file header (\(self.window.available) bytes)")
    }
    do {
      if isBlocks {
        blocks = try BlockFormat(header: self.window.cursor)
      } else {
        records = try RecordFormat(header: self.window.cursor)
        self.window.advance(to: self.window.cursor + length)
      }
    } catch {
      throw error.damage.error(file: file, packet: nil, byteOffset: nil)
    }
  }

  private func unrecognized() -> CaptureError {
    .notACapture(file: file, first: UnsafeRawBufferPointer(start: window.cursor, count: min(window.available, 8)))
  }

  private mutating func fill(atLeast count: Int) throws(CaptureError) {
    if case .failed(let number) = window.refill(atLeast: count) {
      throw .system(number, file: file, kind: .inputOutput, doing: "reading: ")
    }
  }

  /// Gives out the next frames, up to `capacity` (at least 1) of them; 0 at the end.
  ///
  /// The frames' bytes stay valid until the next call, those of a capture in memory as long as it. Throws where the
  /// capture breaks off or is damaged, once: from then on it has ended.
  public mutating func next(
    into frames: UnsafeMutablePointer<CapturedFrame>, capacity: Int
  ) throws(CaptureError) -> Int {
    while !isFinished, capacity > 0 {
      var stop = ReadingStop.full
      let count =
        if let records {
          records.take(from: &window, into: frames, capacity: capacity, stop: &stop)
        } else {
          blocks!.take(from: &window, into: frames, capacity: capacity, stop: &stop)
        }
      if count > 0 {
        packetsRead &+= UInt64(count)
        return count
      }
      try resolve(stop)
    }
    return 0
  }

  /// Gets what a record lacks, or ends the reading.
  @inline(never)
  private mutating func resolve(_ stop: ReadingStop) throws(CaptureError) {
    let damage: CaptureDamage
    switch stop {
    case .full: return
    case .damaged(let found): damage = found
    case .needs(let needed):
      switch window.refill(atLeast: needed) {
      case .ready: return
      case .failed(let number):
        isFinished = true
        var failure = CaptureError.system(number, file: file, kind: .inputOutput, doing: "reading: ")
        failure.packet = packetsRead &+ 1
        failure.byteOffset = window.offset
        throw failure
      case .atEnd:
        if window.available == 0, !(blocks?.isInsideBlock ?? false) {
          isFinished = true
          return
        }
        damage = .truncated
      }
    }
    isFinished = true
    throw damage.error(file: file, packet: packetsRead &+ 1, byteOffset: window.offset)
  }

  /// Bytes of the capture that the frames given out so far, and all before them, take up.
  public var byteOffset: UInt64 { window.offset }

  /// The capture's length in bytes, of a file when it was opened; nil for a stream.
  public var totalBytes: UInt64? { window.length }

  /// Whether frames outlast the next call: true for a capture in memory.
  public var keepsFrames: Bool { window.isStable }
}
