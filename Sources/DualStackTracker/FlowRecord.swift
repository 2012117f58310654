import MOSCore

/// A flow's record: what is known of it from its first packet to the line in the log.
///
/// It outlives the TCP state of both sides, which is given back when the connection ends; while the closed flow lingers
/// only this remains. Lives in a slab, named by index.
public struct FlowRecord: BitwiseCopyable {
  // The two sides come first: `counters(_:)` finds them by their place.
  /// The client's side.
  public var client = EndpointCounters()
  /// The server's side.
  public var server = EndpointCounters()
  /// The key with the client as source.
  public var key: FlowKey
  /// Time of the first packet.
  public var firstTimestamp: Timestamp
  /// The latest time stamp of its packets.
  public var lastTimestamp: Timestamp
  /// Number of the first packet in the trace.
  public var firstPacket: UInt64
  /// Number of the packet that ended the flow; 0 while it is open, and where no packet ended it.
  public var endPacket: UInt64 = 0
  /// The flow table's hash of the key.
  var hash: UInt64
  /// Zeek's history letters.
  public var history = History()
  /// Why it ended.
  public var end: EndReason = .none
  /// What was inferred.
  var traits: FlowTraits = []
  /// Index of the two sides' TCP state, 0 when there is none (not TCP, or closed).
  var connection: UInt32 = 0
  /// For the user of the tracker: an index into storage of its own, 0 for none. Kept until the record is released.
  public var attachment: UInt32 = 0
  /// The same once more, for whoever runs handlers on top of the tracker; independent of `attachment`.
  public var storage: UInt32 = 0
  /// The ISN of the client's SYN, once the flow has ended otherwise than by a time-out; before and then, in milliseconds, its
  /// own idle time-out, 0 for none.
  var lastSYN: UInt32 = 0
  /// Packet time at its last packet whose time stamp was behind packet time.
  var lateClock: Timestamp

  /// Packet time at its last packet: what time-outs are reckoned from. Behind `lastTimestamp` where a capture leaps back.
  public var lastClock: Timestamp { max(lastTimestamp, lateClock) }

  /// For whoever runs handlers on top of the tracker: a mark, which no flow has at its beginning.
  public var isMarked: Bool {
    get { traits.contains(.marked) }
    set { if newValue { traits.insert(.marked) } else { traits.remove(.marked) } }
  }
  /// For whoever runs handlers on top of the tracker: there was an alert about the flow.
  public var isAlerted: Bool {
    get { traits.contains(.alerted) }
    set { if newValue { traits.insert(.alerted) } else { traits.remove(.alerted) } }
  }
  /// The flow is in the table: packets can still come. Otherwise it waits to be given back.
  public var isTracked: Bool { traits.contains(.inTable) }
  /// Picked up after its handshake.
  public var isMidstream: Bool { traits.contains(.midstream) }
  /// The roles of the ends were not those of the first packet (Zeek's `^`).
  public var isFlipped: Bool { traits.contains(.flipped) }
  /// A RST came that lay in the window but was not exact (RFC 5961): somebody may have tried to reset it blindly.
  public var isSuspect: Bool { traits.contains(.suspect) }
  /// Both sides reached ESTABLISHED.
  public var wasEstablished: Bool { traits.contains(.established) }

  /// Whether there are events of `side`: `Tracker.stopMonitoring` was not called for it.
  public func isMonitored(_ side: Side) -> Bool { !traits.contains(.muted(side)) }

  /// Its own idle time-out, 0 for that of the configuration. Has a meaning while the flow is open, and when it has timed
  /// out.
  var idleMilliseconds: UInt32 {
    get { lastSYN }
    set { lastSYN = newValue }
  }

  /// Counters of one side.
  public subscript(side: Side) -> EndpointCounters { side == .client ? client : server }
}

extension UnsafeMutablePointer where Pointee == FlowRecord {
  /// Makes this the record of a flow that begins with `packet`, whose client is the source of `key`.
  @inline(__always) func begin(key: FlowKey, with packet: UnsafePointer<DecodedPacket>) {
    begin(key: key, hash: packet.pointee.hash)
    pointee.firstTimestamp = packet.pointee.timestamp
    pointee.lastTimestamp = packet.pointee.timestamp
    pointee.lateClock = packet.pointee.clock
    pointee.firstPacket = packet.pointee.number
  }

  /// Makes this a record with nothing but a key.
  @inline(__always) func begin(key: FlowKey, hash: UInt64) {
    // In place: a record that is made elsewhere is copied. All fields that are not set here begin with 0.
    let record = UnsafeMutableRawPointer(self)
    for offset in stride(from: 0, to: MemoryLayout<FlowRecord>.stride - 8, by: 16) {
      record.storeBytes(of: SIMD16<UInt8>(repeating: 0), toByteOffset: offset, as: SIMD16<UInt8>.self)
    }
    record.storeBytes(of: 0, toByteOffset: MemoryLayout<FlowRecord>.stride - 8, as: UInt64.self)
    pointee.key = key
    pointee.hash = hash
  }

  /// Notes when a packet came.
  @inline(__always) func noteTime(of packet: UnsafePointer<DecodedPacket>) {
    if packet.pointee.timestamp == packet.pointee.clock {
      // Nothing of the whole trace is later.
      pointee.lastTimestamp = packet.pointee.timestamp
    } else {
      noteLate(packet)
    }
  }

  @inline(never) private func noteLate(_ packet: UnsafePointer<DecodedPacket>) {
    if packet.pointee.timestamp > pointee.lastTimestamp { pointee.lastTimestamp = packet.pointee.timestamp }
    pointee.lateClock = packet.pointee.clock
  }

  /// One side's counters, in place.
  @inline(__always) func counters(_ side: Side) -> UnsafeMutablePointer<EndpointCounters> {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: EndpointCounters.self) + Int(side.rawValue)
  }
}

/// What was inferred about a flow, beyond its counters.
struct FlowTraits: OptionSet, BitwiseCopyable {
  var rawValue: UInt16
  static var midstream: FlowTraits { .init(rawValue: 1) }
  static var flipped: FlowTraits { .init(rawValue: 2) }
  static var suspect: FlowTraits { .init(rawValue: 4) }
  static var established: FlowTraits { .init(rawValue: 8) }
  /// Counted among the half-open flows: evicted first, and after the shorter time-out.
  static var halfOpen: FlowTraits { .init(rawValue: 16) }
  /// The table leads to it.
  static var inTable: FlowTraits { .init(rawValue: 64) }
  /// The bits of `inTable`, `notSelected` and `furtherKey`.
  static var presence: UInt16 { 64 | 32 | 128 }
  /// The table leads to it, as a flow's whose first packet was selected or as a further key of one.
  @inline(__always) var isOfFlow: Bool { rawValue & (64 | 32) == 64 }
  /// Its first packet was not selected: it is remembered so that its other packets are passed over too.
  static var notSelected: FlowTraits { .init(rawValue: 32) }
  /// It is no flow's record, but a further key of the flow `lastSYN`; `attachment` is that flow's next one.
  static var furtherKey: FlowTraits { .init(rawValue: 128) }
  /// Its flow has further keys, `Tracker.furtherKeys` says which.
  static var hasFurtherKeys: FlowTraits { .init(rawValue: 256) }
  /// A side is not monitored.
  static func muted(_ side: Side) -> FlowTraits { .init(rawValue: 512 &<< UInt16(side.rawValue)) }
  /// The mark of whoever runs handlers.
  static var marked: FlowTraits { .init(rawValue: 2048) }
  /// There was an alert about it.
  static var alerted: FlowTraits { .init(rawValue: 4096) }
  /// It ended before it was established, and its SYN came again.
  static var refusedAgain: FlowTraits { .init(rawValue: 8192) }
  /// `muted` of both sides.
  static var mutedOfEither: FlowTraits { .init(rawValue: 1536) }
}
