/// What an observer between the ends saw one end do, as Zeek's `conn_state` is defined on it.
@frozen
public enum ObservedState: UInt8, BitwiseCopyable, Sendable {
  /// It sent nothing.
  case inactive = 0
  /// It sent a SYN.
  case synSent
  /// It sent a SYN-ACK although it is the client.
  case synAckSent
  /// It sent something without a SYN before.
  case partial
  /// It took part in a handshake.
  case established
  /// It sent a FIN.
  case closed
  /// It sent a RST.
  case reset
}

/// What is counted for one end of a flow. "Sent" is from this end, whether or not the peer's stack took it.
public struct EndpointCounters: BitwiseCopyable, Sendable {
  /// Packets sent.
  public var packets: UInt64 = 0
  /// IP bytes sent, headers included.
  public var ipBytes: UInt64 = 0
  /// Payload bytes of the stream sent: by sequence numbers for TCP, retransmissions counted once; summed for others.
  ///
  /// Final when a TCP flow has ended; while it is open, the highest number sent or acknowledged, counted from its start.
  public var streamBytes: UInt64 = 0
  /// Stream bytes that the peer acknowledged and that were never seen.
  public var missedBytes: UInt64 = 0
  /// Segments that brought nothing that had not been sent before.
  public var retransmits: UInt32 = 0
  /// Segments that started beyond the next expected byte, and segments that filled such a hole.
  public var outOfOrder: UInt32 = 0
  /// Smoothed round-trip time from here to this end and back, in microseconds; 0 when there was no sample.
  public var roundTripMicroseconds: UInt32 {
    get { smoothedTimes8 / 8 }
    set { smoothedTimes8 = newValue &* 8 }
  }
  /// SRTT times 8 (RFC 6298 2).
  var smoothedTimes8: UInt32 = 0
  /// The RFC 9293 state as tracked, a raw value of `TCPState`; final when the flow has ended.
  public var state: UInt8 = 0
  /// What was seen of this end, for `conn_state`.
  public var observed: ObservedState = .inactive
  /// The state before `observed`.
  var observedBefore: ObservedState = .inactive
  /// Which history letters came from this end.
  var letters: HistoryLetters = []

  init() {}

  /// Takes a round trip into the smoothed one (RFC 6298 2.2 and 2.3). 0 counts as 1. Less than 2^29 (537 s).
  @inline(__always)
  mutating func sampleRoundTrip(microseconds: UInt32) {
    let sample = max(microseconds, 1)
    // At least 8 from the first sample on.
    smoothedTimes8 = smoothedTimes8 == 0 ? sample &* 8 : smoothedTimes8 &- smoothedTimes8 / 8 &+ sample
  }
}
