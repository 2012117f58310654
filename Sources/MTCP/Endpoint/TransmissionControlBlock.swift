import MOSCore

/// What a host knows of one of its connections (RFC 9293 3.3.1): plain data, in a slab of `Connections`.
public struct TransmissionControlBlock: BitwiseCopyable {
  /// The connection's state.
  public internal(set) var state: TCPState = .closed
  /// Addresses and ports of the segments that leave.
  public let key: FlowKey
  /// How it behaves.
  public internal(set) var configuration: ConnectionConfiguration
  /// What the application has not been told of yet.
  public internal(set) var events: ConnectionEvents = []
  /// Why it ended; nil as long as it has not.
  public internal(set) var end: ConnectionOutcome?

  // The send sequence space (figure 3).
  var iss = SequenceNumber(0)
  var sndUna = SequenceNumber(0)
  var sndNxt = SequenceNumber(0)
  var sndWnd: UInt32 = 0
  var sndWl1 = SequenceNumber(0)
  var sndWl2 = SequenceNumber(0)
  var maximumSendWindow: UInt32 = 0

  // The receive sequence space (figure 4). `rcvEdge` is RCV.NXT + RCV.WND as the peer knows it.
  var irs = SequenceNumber(0)
  var rcvNxt = SequenceNumber(0)
  var rcvEdge = SequenceNumber(0)

  /// Bytes from SND.UNA on, sent or not. Its first offset is the one of SND.UNA.
  var outgoing = KeptStream()
  /// Bytes that the application has not read.
  var incoming = KeptStream()
  /// Bytes that came out of order.
  var outOfOrder = ReceiveBuffer()
  /// Where the latest of them begin, for the first block of an acknowledgment (RFC 2018 4).
  var latestOutOfOrder = SequenceNumber(0)
  /// What came twice, to be told once (RFC 2883).
  var duplicate: (left: SequenceNumber, right: SequenceNumber)?

  /// The largest segment that may be sent, in bytes of payload, without options.
  var sendMaximumSegmentSize: UInt32 = 536
  var sendScale: UInt8 = 0
  var receiveScale: UInt8 = 0
  var traits: Traits = []
  var timestampRecent: UInt32 = 0
  var timestampRecentTime = Timestamp(nanoseconds: 0)
  /// Last.ACK.sent.
  var lastAcknowledgment = SequenceNumber(0)

  /// What was sent and is not acknowledged.
  var sent = RetransmissionQueue()
  var recent = RecentAcknowledgment()
  var probe = TailLossProbe()
  var roundTrip = RoundTripEstimator()
  var congestion: Cubic
  var reduction = ProportionalRateReduction(flightSize: 1, threshold: 0, maximumSegmentSize: 1)
  var recovery: Recovery = .none
  /// SND.NXT when the recovery began.
  var recoveryPoint = SequenceNumber(0)
  /// What may be sent in a fast recovery, in bytes.
  var allowance: UInt32 = 0
  var duplicateAcknowledgments: UInt8 = 0
  /// TSval of the first retransmission of a recovery: what echoes less tells that it was not needed (RFC 3522).
  var firstRetransmission: UInt32?
  var challenges = ChallengeLimit()

  /// Segments with data that came since the last acknowledgment was sent.
  var unacknowledgedSegments: UInt8 = 0
  var keepAlivesSent: UInt8 = 0

  // When something is to be done by itself; `Connections` has the earliest of them in its wheel.
  var retransmission: RetransmissionTimer = .off
  var retransmissionTime = Timestamp(nanoseconds: 0)
  var acknowledgmentTime: Timestamp?
  /// TIME-WAIT, FIN-WAIT-2, keep-alive.
  var lifeTime: Timestamp?
  /// Since when data waits for an acknowledgment.
  var waitingSince: Timestamp?

  /// What was agreed on, and what was asked for.
  struct Traits: OptionSet, BitwiseCopyable {
    let rawValue: UInt16
    /// Both use timestamps, or one of ours is yet to be answered.
    static let timestamps = Traits(rawValue: 1)
    static let selectiveAcknowledgments = Traits(rawValue: 2)
    static let windowScale = Traits(rawValue: 4)
    /// The application sends no more.
    static let isClosing = Traits(rawValue: 8)
    /// Our FIN was sent.
    static let hasSentFIN = Traits(rawValue: 16)
    /// The application will not read any more.
    static let isAbandoned = Traits(rawValue: 32)
    /// An acknowledgment is to be sent now.
    static let acknowledgesNow = Traits(rawValue: 64)
    /// The last time that something was to be sent, the congestion window was what kept it back.
    static let isWindowLimited = Traits(rawValue: 128)
    /// TS.Recent is known.
    static let hasTimestampRecent = Traits(rawValue: 256)
    /// Our SYN is acknowledged.
    static let isSYNAcknowledged = Traits(rawValue: 512)
  }

  /// What is done about losses.
  enum Recovery: UInt8, BitwiseCopyable {
    case none
    /// After a loss that acknowledgments told of (RFC 5681 3.2, RFC 6675).
    case fast
    /// After a time-out.
    case timeOut
  }

  /// What goes off at `retransmissionTime`.
  enum RetransmissionTimer: UInt8, BitwiseCopyable {
    case off
    /// RFC 6298.
    case timeOut
    /// RFC 8985 7.
    case probe
    /// RFC 8985 6.2.
    case reordering
    /// RFC 9293 3.8.6.1: the window is closed.
    case persist
  }

  init(_ key: FlowKey, _ configuration: ConnectionConfiguration) {
    self.key = key
    self.configuration = configuration
    congestion = Cubic(maximumSegmentSize: sendMaximumSegmentSize)
  }

  /// RCV.WND as the peer knows it.
  var rcvWnd: UInt32 { UInt32(bitPattern: max(rcvEdge.distance(from: rcvNxt), 0)) }
  /// The number of the first byte that is not acknowledged, or will have that number.
  var dataUna: SequenceNumber { isSYNUnacknowledged ? iss + 1 : sndUna }
  /// Bytes of data that were sent and are not acknowledged: neither SYN nor FIN.
  var sentBytes: UInt32 {
    let space = UInt32(bitPattern: sndNxt.distance(from: dataUna))
    return traits.contains(.hasSentFIN) && space > 0 ? space &- 1 : space
  }
  /// Bytes that were written and not sent.
  var unsentBytes: UInt32 {
    assert(UInt64(sentBytes) <= outgoing.keptBytes, "more was sent than written")
    return UInt32(clamping: outgoing.keptBytes) &- sentBytes
  }
  /// Bytes that the peer's window still takes.
  var usableWindow: UInt32 {
    let used = UInt32(bitPattern: sndNxt.distance(from: sndUna))
    return sndWnd > used ? sndWnd &- used : 0
  }
  /// Our SYN is not acknowledged.
  var isSYNUnacknowledged: Bool { !traits.contains(.isSYNAcknowledged) }
}

/// What an application is told of a connection.
@frozen
public struct ConnectionEvents: OptionSet, BitwiseCopyable, Sendable {
  /// The bits.
  public let rawValue: UInt8
  /// Events from their bits.
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
  /// It is established.
  @inlinable public static var established: ConnectionEvents { .init(rawValue: 1) }
  /// There are bytes to read.
  @inlinable public static var readable: ConnectionEvents { .init(rawValue: 2) }
  /// There is room for bytes to write, where there was too little.
  @inlinable public static var writable: ConnectionEvents { .init(rawValue: 4) }
  /// The peer sends no more.
  @inlinable public static var peerClosed: ConnectionEvents { .init(rawValue: 8) }
  /// It has ended: `end` says why. Its number stands for another connection after the next event is taken.
  @inlinable public static var ended: ConnectionEvents { .init(rawValue: 16) }
}

/// Why a connection ended.
@frozen
public enum ConnectionOutcome: UInt8, BitwiseCopyable, Sendable {
  /// Both ends closed it.
  case closed
  /// The peer reset it.
  case reset
  /// The peer refused it: a RST answered our SYN.
  case refused
  /// The peer did not answer (RFC 9293 3.8.3).
  case timedOut
  /// The application aborted it.
  case aborted
}
