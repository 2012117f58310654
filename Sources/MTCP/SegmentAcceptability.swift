/// What a receiver does with a RST (RFC 5961 3.2, RFC 9293 3.10.7.4).
@frozen
public enum ResetDecision: UInt8, BitwiseCopyable, Sendable {
  /// The connection ends.
  case accept = 0
  /// A challenge ACK is sent, and the connection stays.
  case challenge
  /// Nothing happens.
  case ignore
}

/// What a receiver does with a segment because of its acknowledgment number (RFC 5961 5.2, RFC 9293 3.10.7.4).
@frozen
public enum AcknowledgmentDecision: UInt8, BitwiseCopyable, Sendable {
  /// It acknowledges something new: SND.UNA < SEG.ACK =< SND.NXT.
  case new = 0
  /// It acknowledges nothing new, and is not too old: the segment is processed.
  case duplicate
  /// Further below SND.UNA than the largest window: a challenge ACK is sent, and the segment is dropped.
  case tooOld
  /// Above SND.NXT: an ACK is sent, and the segment is dropped.
  case beyondSent
}

/// The tests that a segment passes before a synchronized connection looks further at it.
public enum SegmentAcceptability {
  /// The four cases of RFC 9293 3.4: whether a segment's sequence space touches the receive window.
  ///
  /// - Parameters:
  ///   - sequence: SEG.SEQ.
  ///   - length: SEG.LEN: payload bytes, and one for each of SYN and FIN.
  ///   - rcvNxt: RCV.NXT.
  ///   - rcvWindow: RCV.WND, scaled, 0 to 2^30.
  @inlinable public static func isAcceptable(
    sequence: SequenceNumber, length: UInt32, rcvNxt: SequenceNumber, rcvWindow: UInt32
  ) -> Bool {
    let first = sequence.rawValue &- rcvNxt.rawValue
    if length == 0 { return rcvWindow == 0 ? first == 0 : first < rcvWindow }
    let last = first &+ length &- 1
    return first < rcvWindow || last < rcvWindow
  }

  /// Whether a RST ends the connection: only one at exactly RCV.NXT does; elsewhere in the window it is challenged.
  @inlinable public static func resetDecision(
    sequence: SequenceNumber, rcvNxt: SequenceNumber, rcvWindow: UInt32
  ) -> ResetDecision {
    let offset = sequence.rawValue &- rcvNxt.rawValue
    if offset == 0 { return .accept }
    return offset < rcvWindow ? .challenge : .ignore
  }

  /// Where an acknowledgment number lies: acceptable from SND.UNA - MAX.SND.WND to SND.NXT.
  ///
  /// - Parameter maximumSendWindow: MAX.SND.WND, the largest window that the peer has ever offered, 0 to 2^30.
  @inlinable public static func acknowledgmentDecision(
    acknowledgment: SequenceNumber, sndUna: SequenceNumber, sndNxt: SequenceNumber, maximumSendWindow: UInt32
  ) -> AcknowledgmentDecision {
    if acknowledgment > sndNxt { return .beyondSent }
    if acknowledgment > sndUna { return .new }
    return acknowledgment < sndUna - maximumSendWindow ? .tooOld : .duplicate
  }

  /// Whether a segment fails the PAWS test (RFC 7323 5.2): its timestamp is older than TS.Recent.
  ///
  /// - Parameters:
  ///   - value: SEG.TSval.
  ///   - recent: TS.Recent.
  ///   - recentIsStale: TS.Recent was set more than 24 days ago (RFC 7323 5.5), and proves nothing.
  @inlinable public static func failsPAWS(value: UInt32, recent: UInt32, recentIsStale: Bool = false) -> Bool {
    !recentIsStale && Int32(bitPattern: value &- recent) < 0
  }
}
