import MOSCore

/// What an acknowledgment said about segments that were sent.
@frozen
public struct Delivery: BitwiseCopyable, Sendable {
  /// Bytes of sequence space that were acknowledged cumulatively for the first time.
  public internal(set) var acknowledged: UInt32 = 0
  /// Bytes of sequence space that the receiver is known to have for the first time, cumulatively or selectively (RFC 6937,
  /// DeliveredData).
  public internal(set) var delivered: UInt32 = 0
  /// The round trip of the latest segment that is delivered now, in microseconds: nil where there is none, and where one of them
  /// was sent more than once (Karn's rule, RFC 6298 3).
  public internal(set) var roundTrip: UInt32?
  /// The receiver has twice what was sent (RFC 2883): the first block of the option says so.
  public internal(set) var duplicate: (left: SequenceNumber, right: SequenceNumber)?
  /// A segment that was sent more than once is delivered now.
  public internal(set) var hasRetransmitted = false

  /// Nothing.
  public init() {}
}
