import DualStackTracker
import MTCP

/// Reading the bytes that the flow's sides receive.
extension Flow {
  /// Gives what there is from the reader's cursor on to `body`, chunk by chunk in the order of the stream, and moves the
  /// cursor behind what it says it has consumed.
  ///
  /// In the handlers of `newData` and `gap` that includes what the event is about. Where there is nothing, `body` is not
  /// called.
  public func read(_ reader: StreamReader, _ body: (StreamChunk) -> Consumption) {
    guard let stream = OpenStream(occurrence, reader) else { return }
    stream.begin()
    // The cursor is the slot's first field.
    stream.read(at: UnsafeMutableRawPointer(stream.slot).assumingMemoryBound(to: UInt64.self), body)
    stream.finish()
  }

  /// The same from `offset` on, by default from the cursor on, and the cursor stays.
  public func peek(_ reader: StreamReader, from offset: UInt64? = nil, _ body: (StreamChunk) -> Consumption) {
    guard let stream = OpenStream(occurrence, reader) else { return }
    stream.begin()
    var cursor = offset ?? stream.slot.pointee.cursor
    withUnsafeMutablePointer(to: &cursor) { stream.read(at: $0, body) }
    stream.finish()
  }

  /// Copies bytes from `offset` on, by default from the cursor on, until the buffer is full or something else than bytes
  /// comes, and returns how many. The cursor stays.
  public func copy(
    _ reader: StreamReader, from offset: UInt64? = nil, into buffer: UnsafeMutableRawBufferPointer
  ) -> Int {
    guard let stream = OpenStream(occurrence, reader) else { return 0 }
    return stream.copy(from: offset ?? stream.slot.pointee.cursor, into: buffer)
  }

  /// Moves the reader's cursor `count` bytes on, also past bytes that have not come: those are passed over when they come,
  /// and never kept. A reader that was started and has had no bytes yet stays where it will begin.
  public func skip(_ reader: StreamReader, _ count: UInt64) {
    _ = Dispatch.storage(occurrence)
    guard let stream = OpenStream(occurrence, reader) else { return }
    let (sum, overflow) = stream.slot.pointee.cursor.addingReportingOverflow(count)
    stream.slot.pointee.cursor = overflow ? .max : sum
    stream.release()
  }

  /// The flow is not read any more by this reader, whose bytes are given back.
  public func stop(_ reader: StreamReader) { EngineStreams.stop(occurrence, reader) }

  /// The flow is read by this reader: from the bytes on that the event is about, or from those that come next.
  public func start(_ reader: StreamReader) { EngineStreams.start(occurrence, reader) }

  /// Where the reader is, and what there is to read.
  public subscript(reader: StreamReader) -> FlowStream { FlowStream(occurrence, reader) }
}
