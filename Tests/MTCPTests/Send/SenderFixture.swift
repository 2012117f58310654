import MOSCore

@testable import MTCP

/// A sender's queue with RACK, in milliseconds and segments of 1,000 bytes from `iss` on.
final class SenderFixture {
  static let iss = SequenceNumber(0xffff_f000)
  var segments = Slab<SentSegment>(capacity: 4_096)
  var queue = RetransmissionQueue()
  var recent = RecentAcknowledgment()
  var next = iss
  var una = iss

  func time(_ milliseconds: Int64) -> Timestamp {
    Timestamp(nanoseconds: 1_700_000_000_000_000_000).advanced(by: milliseconds * 1_000_000)
  }

  /// Sends `count` new segments at a time.
  func send(_ count: Int = 1, length: UInt32 = 1_000, at milliseconds: Int64) {
    for _ in 0..<count {
      _ = queue.append(next, length: length, at: time(milliseconds), segments: &segments)
      next = next + length
    }
  }

  /// The boundary before segment `number`, from 0.
  static func boundary(_ number: UInt32) -> SequenceNumber { iss + number &* 1_000 }

  /// All before segment `upTo` is acknowledged, and `blocks` of segments selectively.
  func acknowledge(
    _ upTo: UInt32, _ blocks: [Range<UInt32>] = [], echo: UInt32? = nil, at milliseconds: Int64
  ) -> Delivery {
    let ranges = blocks.map {
      (Self.boundary($0.lowerBound).rawValue, Self.boundary($0.upperBound).rawValue)
    }
    return acknowledge(Self.boundary(upTo), ranges, echo: echo, at: milliseconds)
  }

  func acknowledge(
    _ number: SequenceNumber, _ blocks: [(UInt32, UInt32)], echo: UInt32? = nil, at milliseconds: Int64
  ) -> Delivery {
    let options = Self.options(blocks, echo: echo)
    una = number
    return queue.acknowledge(number, options, at: time(milliseconds), recent: &recent, segments: &segments)
  }

  /// Options as they stand in a segment.
  private static func options(_ blocks: [(UInt32, UInt32)], echo: UInt32?) -> TCPOptions {
    var bytes: [UInt8] = []
    func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
    if let echo { bytes += [8, 10] + word(1) + word(echo) }
    if !blocks.isEmpty {
      bytes += [5, UInt8(2 + 8 * blocks.count)] + blocks.flatMap { word($0.0) + word($0.1) }
    }
    return bytes.withUnsafeBytes { TCPOptions($0.baseAddress ?? UnsafeRawPointer(bitPattern: 1)!, length: $0.count) }
  }

  /// Asks RACK what is lost. SRTT is that of `smoothed` milliseconds.
  func detect(
    isRecovering: Bool = false, smoothed: UInt32 = 100, at milliseconds: Int64
  ) -> (lost: UInt32, wait: Int64?) {
    let window = recent.reorderingWindow(
      isRecovering: isRecovering, sackedCount: queue.sackedCount, smoothedRoundTrip: smoothed * 1_000)
    return queue.detectLoss(recent, at: time(milliseconds), window: window, segments: segments)
  }

  /// Sends the first lost segment again; its number, nil where none is lost.
  func resendLost(at milliseconds: Int64) -> UInt32? {
    let index = queue.firstLost(segments: segments)
    guard index != 0 else { return nil }
    queue.resend(index, at: time(milliseconds), segments: segments)
    return UInt32(bitPattern: segments.pointer(index).pointee.sequence.distance(from: Self.iss)) / 1_000
  }
}
