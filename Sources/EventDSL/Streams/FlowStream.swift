import DualStackTracker
import MTCP

/// A stream as one of its readers has it. Valid while the handler runs.
///
/// Offsets count the bytes of the stream from its first one, the one behind the SYN, in 64 bits; for a flow that was picked
/// up in mid-stream, from the first byte seen.
public struct FlowStream: ~Copyable {
  private let occurrence: UnsafeMutablePointer<Occurrence>
  private let reader: StreamReader

  init(_ occurrence: UnsafeMutablePointer<Occurrence>, _ reader: StreamReader) {
    self.occurrence = occurrence
    self.reader = reader
  }

  private var stream: OpenStream? { OpenStream(occurrence, reader) }

  /// Whether the reader reads the flow.
  public var isOn: Bool {
    let storage = occurrence.pointee.record.pointee.storage
    if storage == 0 { return reader.isOn }
    return EngineStreams.slot(occurrence, reader, storage).pointee.state != .stopped
  }

  /// Offset of the cursor. 0 where nothing has been read.
  public var offset: UInt64 { stream?.slot.pointee.cursor ?? 0 }

  /// Offset of the first byte, or the first gap, that can be read.
  public var firstOffset: UInt64 { stream?.kept.pointee.firstOffset ?? 0 }

  /// Offset of the next byte in order: behind all that came.
  public var nextOffset: UInt64 { stream?.end ?? 0 }

  /// How many bytes can be read from the cursor on, up to the first gap.
  public var available: UInt64 {
    guard let stream else { return 0 }
    let cursor = stream.slot.pointee.cursor
    var end = cursor
    while end < stream.end {
      if end < stream.kept.pointee.nextOffset {
        guard let range = stream.kept.pointee.range(from: end, blocks: stream.core.pointee.streams.blocks),
          range.lowerBound == end
        else { break }
        end = range.upperBound
      } else {
        guard let event = EngineStreams.data(stream.core, at: end, reader.side), event.pointee.kind == .newData
        else { break }
        end = event.pointee.end
      }
    }
    return end &- cursor
  }
}
