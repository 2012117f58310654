import MOSCore

/// Sequence numbers of a SYN-ACK that remember what a listener would otherwise keep of a SYN (RFC 4987 3.6): for a listener
/// whose half-open connections have come to their limit.
///
/// Of the number five bits are the time, three the largest segment that may be sent, and 24 a keyed hash of the ends, the
/// client's number, and those eight. The other options go into the lowest bits of a timestamp, which the client echoes; without
/// timestamps there are none.
public struct SYNCookies: BitwiseCopyable, Sendable {
  /// What a client's SYN offered, as far as a cookie remembers it.
  @frozen
  public struct Offer: BitwiseCopyable, Hashable, Sendable {
    /// The largest segment that may be sent to it, in bytes: at most what it said.
    public var maximumSegmentSize: UInt16
    /// Window scale shift, 0 to 14 (RFC 7323 2); nil without the option.
    public var windowScale: UInt8?
    /// It takes selective acknowledgments (RFC 2018).
    public var hasSACK: Bool
    /// It takes part in congestion notification (RFC 3168).
    public var hasECN: Bool

    /// An offer from its parts.
    @inlinable public init(maximumSegmentSize: UInt16, windowScale: UInt8?, hasSACK: Bool, hasECN: Bool) {
      self.maximumSegmentSize = maximumSegmentSize
      self.windowScale = windowScale
      self.hasSACK = hasSACK
      self.hasECN = hasECN
    }
  }

  /// Segment sizes that a cookie can say: those of the usual links and tunnels, and one for those who say less than hosts must
  /// take.
  private static let sizes: InlineArray<8, UInt16> = [64, 536, 1_220, 1_360, 1_420, 1_440, 1_460, 8_940]
  /// How long the clock of cookies takes for a tick, in nanoseconds.
  private static let tick: Int64 = 64_000_000_000
  /// In the timestamp: no window scale.
  private static let noScale: UInt32 = 15

  private let proof: ConnectionHash

  /// Cookies under a secret that is drawn now.
  public init() { self.init(secret: ConnectionHash.randomSecret()) }

  /// Cookies under a given secret: for runs that are to be repeatable.
  public init(secret: (UInt64, UInt64)) { proof = ConnectionHash(secret: secret, domain: 0x434f_4f4b) }

  /// The sequence number of the SYN-ACK to a SYN with the number `sequence` that offered `maximumSegmentSize` bytes, 0 where it
  /// said nothing (536 then, RFC 9293 3.7.1). `key` is the SYN's.
  public func cookie(
    _ key: FlowKey, sequence: SequenceNumber, maximumSegmentSize: UInt16, at time: Timestamp
  ) -> SequenceNumber {
    let wanted = maximumSegmentSize == 0 ? 536 : maximumSegmentSize
    var size: UInt32 = 0
    for index in 1..<8 where Self.sizes[index] <= wanted { size = UInt32(index) }
    let head = (Self.ticks(time) & 31) << 3 | size
    return SequenceNumber(head << 24 | hash(key, sequence, Self.ticks(time), size))
  }

  /// The largest segment that may be sent to the client whose segment, with the key `key`, acknowledges a cookie of at most
  /// 128 seconds ago; nil where it acknowledges none.
  ///
  /// - Parameters:
  ///   - sequence: SEG.SEQ of the segment.
  ///   - acknowledgment: SEG.ACK of the segment.
  public func maximumSegmentSize(
    _ key: FlowKey, sequence: SequenceNumber, acknowledgment: SequenceNumber, at time: Timestamp
  ) -> UInt16? {
    let cookie = (acknowledgment - 1).rawValue
    let now = Self.ticks(time)
    let age = (now &- cookie >> 27) & 31
    let size = cookie >> 24 & 7
    guard age <= 1, cookie & 0xff_ffff == hash(key, sequence - 1, now &- age, size) else { return nil }
    return Self.sizes[Int(size)]
  }

  /// A TSval not above `now` that remembers the other options of a SYN; `now` is the one that would be sent without.
  public static func timestampValue(_ now: UInt32, _ offer: Offer) -> UInt32 {
    let scale = offer.windowScale.map { UInt32(min($0, 14)) } ?? noScale
    let bits = scale | (offer.hasSACK ? 16 : 0) | (offer.hasECN ? 32 : 0)
    let value = now & ~63 | bits
    return value > now ? value &- 64 : value
  }

  /// What a client had offered that echoes such a value in `echo`, and whose cookie said `maximumSegmentSize`; nil where nobody can
  /// have sent that value. Without timestamps `echo` is nil, and nothing is offered.
  public static func offer(echo: UInt32?, maximumSegmentSize: UInt16) -> Offer {
    guard let echo else {
      return Offer(maximumSegmentSize: maximumSegmentSize, windowScale: nil, hasSACK: false, hasECN: false)
    }
    let scale = echo & 15
    return Offer(
      maximumSegmentSize: maximumSegmentSize, windowScale: scale == noScale ? nil : UInt8(scale),
      hasSACK: echo & 16 != 0, hasECN: echo & 32 != 0)
  }

  private static func ticks(_ time: Timestamp) -> UInt32 { UInt32(truncatingIfNeeded: time.nanoseconds / tick) }

  /// 24 bits.
  private func hash(_ key: FlowKey, _ sequence: SequenceNumber, _ ticks: UInt32, _ size: UInt32) -> UInt32 {
    let number = UInt64(sequence.rawValue) << 32 | UInt64(ticks << 3 | size)
    return UInt32(truncatingIfNeeded: proof.hash(key, number: number) >> 40)
  }
}
