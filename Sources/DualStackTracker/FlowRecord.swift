import MOSCore

/// Why a flow's tracking ended.
@frozen
public enum EndReason: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// It has not ended.
  case none = 0
  /// Both ends' FINs were acknowledged.
  case fin
  /// The client sent a RST that the server's stack took.
  case resetByClient
  /// The server sent a RST that the client's stack took.
  case resetByServer
  /// Nothing came for the idle time-out.
  case timeout
  /// The table was full, and this flow was the least valuable.
  case evicted
  /// A new connection with the same addresses and ports began.
  case reused
  /// The trace ended, or the monitor was stopped.
  case traceEnd

  /// The name in records: `fin`, `rst_orig`, `rst_resp`, `timeout`, `evicted`, `reused`, `trace_end`; empty for `none`.
  public var recordName: StaticString {
    switch self {
    case .none: ""
    case .fin: "fin"
    case .resetByClient: "rst_orig"
    case .resetByServer: "rst_resp"
    case .timeout: "timeout"
    case .evicted: "evicted"
    case .reused: "reused"
    case .traceEnd: "trace_end"
    }
  }
}

/// What an observer between the ends saw one end do, as Zeek's `conn_state` is defined on it.
@frozen
public enum ObservedState: UInt8, BitwiseCopyable, Sendable {
  case inactive = 0
  case synSent
  case synAckSent
  case partial
  case established
  case closed
  case reset
}

/// What is counted for one end of a flow. "Sent" is from this end, whether or not the peer's stack took it.
@frozen
public struct EndpointCounters: BitwiseCopyable, Sendable {
  /// Packets sent.
  public var packets: UInt64 = 0
  /// IP bytes sent, headers included.
  public var ipBytes: UInt64 = 0
  /// Payload bytes of the stream sent: by sequence numbers for TCP, retransmissions counted once; summed for others.
  public var streamBytes: UInt64 = 0
  /// Stream bytes that the peer acknowledged, or that lie in a hole that was skipped, and that were never seen.
  public var missedBytes: UInt64 = 0
  /// Segments all of whose sequence space had been sent before.
  public var retransmits: UInt32 = 0
  /// Segments that started above the next expected byte, or filled such a hole.
  public var outOfOrder: UInt32 = 0
  /// Smoothed round-trip time from here to this end and back, in microseconds; 0 when there was no sample.
  public var roundTripMicroseconds: UInt32 = 0
  /// The RFC 9293 state as tracked, a raw value of `TCPState`.
  public var state: UInt8 = 0
  /// What was seen of this end, for `conn_state`.
  public var observed: ObservedState = .inactive
  /// Whether a hole was skipped in the stream that this end sent.
  public var hasGap: Bool = false

  @inlinable init() {}
}

/// The letters of Zeek's `history`, in place; what does not fit is left out, as every letter but C, G, T and W comes
/// once a side and those on a logarithmic scale.
@frozen
public struct History: BitwiseCopyable, Sendable {
  @usableFromInline var letters: InlineArray<27, UInt8> = .init(repeating: 0)
  /// How many letters there are.
  public private(set) var count: UInt8 = 0

  @inlinable init() {}

  /// The letter at `index`, ASCII. Precondition: `index` is below `count`.
  @inlinable public subscript(index: Int) -> UInt8 { letters[index] }

  /// Adds a letter (ASCII) at the end.
  mutating func append(_ letter: UInt8) {
    guard count < 27 else { return }
    letters[Int(count)] = letter
    count &+= 1
  }
}

/// A flow's record: what is known of it from its first packet to the line in the log.
///
/// It outlives the TCP state of both sides, which is given back when the connection ends; while the closed flow lingers
/// only this remains. Lives in a slab, named by index.
@frozen
public struct FlowRecord: BitwiseCopyable {
  /// The key with the client as source.
  public var key: FlowKey
  /// Time of the first packet.
  public var firstTimestamp: Timestamp
  /// Time of the last packet.
  public var lastTimestamp: Timestamp
  /// Number of the first packet in the trace.
  public var firstPacket: UInt64
  /// Number of the packet that ended the flow; 0 while it is open.
  public var endPacket: UInt64 = 0
  /// The flow table's hash of the key.
  var hash: UInt64
  /// The client's side.
  public var client = EndpointCounters()
  /// The server's side.
  public var server = EndpointCounters()
  /// Zeek's history letters.
  public var history = History()
  /// Why it ended.
  public var end: EndReason = .none
  /// Index of the two sides' TCP state, 0 when there is none (not TCP, or closed).
  var tcp: UInt32 = 0
  /// For the user of the tracker: an index into storage of its own, 0 for none. Kept until the record is released.
  public var attachment: UInt32 = 0
  /// A packet's evidence of what is not known: see `isMidstream` and the others.
  var flags: UInt16 = 0

  init(key: FlowKey, hash: UInt64, packet: borrowing DecodedPacket) {
    self.key = key
    self.hash = hash
    firstTimestamp = packet.timestamp
    lastTimestamp = packet.timestamp
    firstPacket = packet.number
  }

  /// Picked up after its handshake.
  public var isMidstream: Bool { flags & 1 != 0 }
  /// The role of the ends was turned round after the first packet (Zeek's `^`).
  public var isFlipped: Bool { flags & 2 != 0 }
  /// A RST came that lay in the window but was not exact (RFC 5961): somebody may have tried to reset it blindly.
  public var isSuspect: Bool { flags & 4 != 0 }

  /// Counters of one side.
  @inlinable public subscript(side: Side) -> EndpointCounters {
    get { side == .client ? client : server }
    set { if side == .client { client = newValue } else { server = newValue } }
  }
}
