import MOSCore
import MTCP

/// What one end's TCP knows: the transmission control block (RFC 9293 3.3.1) as it can be inferred from outside.
///
/// SND.* are numbers of the stream that this end sends, RCV.* of the one that it receives.
///
/// The order of the fields leaves no holes: there is one of these for each end of each open connection.
struct Endpoint: BitwiseCopyable {
  /// The connection's state at this end.
  var state: TCPState = .closed
  /// Shift count of the windows that this end advertises, 0 to 14; `widestShift` where its SYN was not seen.
  var windowShift: UInt8 = 0
  /// What is known of this end.
  var knows: EndpointTraits = []
  /// ISS: the initial send sequence number.
  var iss = SequenceNumber(0)
  /// Stream offset of RCV.NXT: bytes delivered and skipped.
  var delivered: UInt64 = 0
  /// SND.NXT: one past the highest number sent.
  var sndNxt = SequenceNumber(0)
  /// SND.UNA: the highest acknowledgment taken.
  var sndUna = SequenceNumber(0)
  /// RCV.NXT: the next number expected, as far as the packets that passed here tell.
  var rcvNxt = SequenceNumber(0)
  /// The right edge of the receive window: the highest acknowledgment plus window advertised.
  var rcvEdge = SequenceNumber(0)
  /// The highest acknowledgment sent.
  var acknowledged = SequenceNumber(0)
  /// The largest window advertised, scaled.
  var maximumWindow: UInt32 = 0
  /// TS.Recent: the timestamp of the last segment taken (RFC 7323 4.3).
  var timestampRecent: UInt32 = 0
  /// The number whose acknowledgment by this end is being timed, and when it passed, in units of 64 ns.
  var timedSequence = SequenceNumber(0)
  var timedAt: UInt32 = 0
  /// Where this end's FIN lies, when `knows` has `.finSent`.
  var finSequence = SequenceNumber(0)
  /// An urgent byte that is still to come, when `knows` has `.urgentPending`.
  var urgentSequence = SequenceNumber(0)
  /// Bytes sent to this end out of order.
  var receive = ReceiveBuffer()
  /// In-order bytes sent to this end that it has not acknowledged.
  var retained = RetainedBytes()
  /// When `timestampRecent` was set, in hours of packet time.
  var timestampAge: UInt16 = 0
  /// Zero windows advertised, for the history.
  var zeroWindows: UInt16 = 0
  /// What an observer saw of the stream that this end sends.
  var observed = ObservedStream()
  /// Time to live of this end's packets, 0 before the first.
  var timeToLive: UInt8 = 0

  /// The largest shift count (RFC 7323 2.3): what is assumed where it is unknown.
  static let widestShift: UInt8 = 14

  init() {}

  /// Sets whether `trait` is known of it.
  @inline(__always) mutating func set(_ trait: EndpointTraits, _ isSet: Bool) {
    if isSet { knows.insert(trait) } else { knows.remove(trait) }
  }

  /// Takes `value` as TS.Recent, at `time`.
  @inline(__always) mutating func remember(_ value: UInt32, _ time: Timestamp) {
    timestampRecent = value
    timestampAge = Endpoint.hours(time)
    knows.insert(.timestampRecent)
  }

  /// A time in the unit of `timestampAge`.
  static func hours(_ time: Timestamp) -> UInt16 {
    UInt16(truncatingIfNeeded: time.nanoseconds / 3_600_000_000_000)
  }
}

/// What is known of an end.
struct EndpointTraits: OptionSet, BitwiseCopyable {
  var rawValue: UInt16
  /// Its sequence numbers are known: it sent something, or the peer acknowledged something.
  static var sequence: EndpointTraits { .init(rawValue: 1) }
  /// Its RCV.NXT is known.
  static var expected: EndpointTraits { .init(rawValue: 2) }
  /// It advertised a window.
  static var window: EndpointTraits { .init(rawValue: 4) }
  /// It sent a SYN that counts.
  static var syn: EndpointTraits { .init(rawValue: 8) }
  /// It sent a FIN, in order.
  static var finSent: EndpointTraits { .init(rawValue: 16) }
  /// A FIN that it sent lies ahead of a hole.
  static var finAhead: EndpointTraits { .init(rawValue: 32) }
  /// It offered timestamps on its SYN.
  static var timestamps: EndpointTraits { .init(rawValue: 64) }
  /// `timestampRecent` is set.
  static var timestampRecent: EndpointTraits { .init(rawValue: 128) }
  /// It permitted SACK.
  static var sack: EndpointTraits { .init(rawValue: 256) }
  /// A round trip is being timed.
  static var timing: EndpointTraits { .init(rawValue: 512) }
  /// It acknowledged bytes that were never seen here.
  static var acknowledgedUnseen: EndpointTraits { .init(rawValue: 1024) }
  /// It will receive a byte out of band.
  static var urgentPending: EndpointTraits { .init(rawValue: 2048) }
  /// It sent a packet.
  static var seen: EndpointTraits { .init(rawValue: 4096) }
  /// Its first segment carried an MD5 signature (RFC 2385), so that it is one of two that agreed on them.
  static var signs: EndpointTraits { .init(rawValue: 32768) }
  /// It received a FIN, in order.
  static var finReceived: EndpointTraits { .init(rawValue: 16384) }
  /// It advertised a window scale on its SYN.
  static var windowScale: EndpointTraits { .init(rawValue: 8192) }
}

/// The two ends of a connection, in a slab: given back when it ends.
struct Connection: BitwiseCopyable {
  // First, so that `endpoint(_:)` finds them by their place.
  var client = Endpoint()
  var server = Endpoint()
  /// Index of what counts only if the other end confirms it, 0 for none.
  var unconfirmed: UInt32 = 0
  /// Index of what was done to it or set for it, 0 for none.
  var intervention: UInt32 = 0
  /// Whether its ends are in step.
  var step = Step.unknown
  /// What is unusual about it because of `intervention`.
  var traits: ConnectionTraits = []
  /// The largest segment that each end takes, as its peer was told on its SYN; 0 where it was not.
  var clientSegmentSize: UInt16 = 0
  var serverSegmentSize: UInt16 = 0

  init() {}
}

extension UnsafeMutablePointer where Pointee == Connection {
  /// One end, in place.
  @inline(__always) func endpoint(_ side: Side) -> UnsafeMutablePointer<Endpoint> {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: Endpoint.self) + Int(side.rawValue)
  }
}
