import DualStackTracker
import MTCP

/// A side's end of an open TCP connection: its variables (RFC 9293 3.3.1), as far as they can be told from what passed, in
/// the side's own numbers. All is nil, 0 or false for a flow that is not TCP or has ended.
extension FlowSide {
  private var endpoint: EndpointView? {
    guard occurrence.pointee.flow != 0 else { return nil }
    return occurrence.pointee.core.pointee.tracker.endpoint(side, of: occurrence.pointee.flow)
  }

  /// ISS: its initial sequence number.
  public var initialSequence: UInt32? { endpoint?.initialSequence }
  /// SND.NXT: the number behind all that it sent.
  public var sendNext: UInt32? { endpoint?.sendNext }
  /// SND.UNA: the highest acknowledgment that reached it.
  public var sendUnacknowledged: UInt32? { endpoint?.sendUnacknowledged }
  /// RCV.NXT: the number that it expects next.
  public var receiveNext: UInt32? { endpoint?.receiveNext }
  /// How many bytes behind its last acknowledgment it had room for, by the largest number that it ever offered.
  public var window: UInt32? { endpoint?.window }
  /// The largest segment that it takes, as its SYN said, in bytes.
  public var maximumSegmentSize: UInt16? { endpoint?.maximumSegmentSize }
  /// The shift count of the windows that it offers, where both ends agreed to scale them (RFC 7323 2).
  public var windowScale: UInt8? { endpoint?.windowScale }
  /// Both ends permitted selective acknowledgment (RFC 2018).
  public var usesSACK: Bool { endpoint?.usesSACK ?? false }
  /// Both ends use timestamps (RFC 7323 3).
  public var usesTimestamps: Bool { endpoint?.usesTimestamps ?? false }
}

/// What a side has of the stream that it receives, in offsets from the peer's first byte on: mOS's `INFO_CLIBUF` and
/// `FRAGINFO`.
extension FlowSide {
  /// Offset of the first byte that is kept for readers of the stream; `nextOffset` where none is.
  public var firstOffset: UInt64 {
    let index = occurrence.pointee.record.pointee.storage
    let core = occurrence.pointee.core
    guard index != 0, core.pointee.streams.sides[Int(side.rawValue)].count > 0 else { return nextOffset }
    let kept = core.pointee.streams.stream(side, in: core.pointee.blocks[index]).pointee
    return kept.firstOffset < kept.nextOffset ? kept.firstOffset : nextOffset
  }

  /// Offset of the byte that it expects next: it has all before, or will never get it.
  public var nextOffset: UInt64 { endpoint?.nextOffset ?? 0 }

  /// Offset behind the last byte that it has, in order or not.
  public var lastOffset: UInt64 {
    guard occurrence.pointee.flow != 0 else { return 0 }
    return occurrence.pointee.core.pointee.tracker.lastReceivedOffset(of: side, in: occurrence.pointee.flow) ?? 0
  }

  /// How many bytes wait behind a hole.
  public var queuedBytes: UInt32 { endpoint?.queuedBytes ?? 0 }

  /// Gives each range of bytes that wait behind a hole to `body`, the lowest first.
  public func forEachQueuedRange(_ body: (Range<UInt64>) -> Void) {
    guard occurrence.pointee.flow != 0 else { return }
    occurrence.pointee.core.pointee.tracker.forEachQueuedRange(of: side, in: occurrence.pointee.flow) { body($0..<$1) }
  }
}
