import DualStackTracker
import EventDSL
import MOSCore

/// What a replay counted: one for each worker, added up at the end.
public struct ReplayStatistics: BitwiseCopyable, Sendable {
  /// Packets read.
  public var packets: UInt64 = 0
  /// Bytes of these packets' frames, as captured.
  public var bytes: UInt64 = 0
  /// Packets by what the decoder made of them, by the raw value of `PacketKind`.
  public var packetKinds: InlineArray<16, UInt64> = .init(repeating: 0)
  /// Events by the raw value of `EventKind`.
  public var events: InlineArray<16, UInt64> = .init(repeating: 0)
  /// Anomalies by the raw value of `Anomaly`.
  public var anomalies: InlineArray<64, UInt64> = .init(repeating: 0)
  /// Packets that a middlebox or the port dropped.
  public var dropped: UInt64 = 0
  /// Flows and payload bytes.
  public var tracker = TrackerStatistics()
  /// What was counted about middleboxes; nil when there are none.
  public var middleboxes: EngineStatistics?
  /// Wrong TCP checksums by sender.
  public var checksums = SenderChecksums()
  /// Time that the replay took, in nanoseconds.
  public var elapsedNanoseconds: UInt64 = 0
  /// The most anonymous memory (`RssAnon`) that was seen, in bytes.
  public var peakAnonymousBytes: UInt64 = 0
  /// Workers.
  public var workers: UInt64 = 1
  /// How many times the trace was run.
  public var loops: UInt64 = 1
  /// The time of the fastest loop, in nanoseconds; 0 when it was not measured.
  public var fastestLoopNanoseconds: UInt64 = 0

  /// Nothing counted; one worker, one loop.
  public init() {}

  /// Counts one packet's kind.
  @inline(__always)
  public mutating func count(_ kind: PacketKind) { packetKinds[Int(kind.rawValue)] &+= 1 }

  /// Counts one event.
  @inline(__always)
  public mutating func count(_ event: EventKind) { events[Int(event.rawValue)] &+= 1 }

  /// Counts each event of a set once.
  public mutating func count(_ set: EventSet) {
    var bits = set.rawValue & EventSet.all.rawValue
    while bits != 0 {
      events[bits.trailingZeroBitCount] &+= 1
      bits &= bits &- 1
    }
  }

  /// Counts one anomaly.
  @inline(__always)
  public mutating func count(_ anomaly: Anomaly) { anomalies[Int(anomaly.rawValue)] &+= 1 }

  /// Counts each anomaly of a set once.
  public mutating func count(_ set: AnomalySet) {
    var bits = set.rawValue
    while bits != 0 {
      anomalies[bits.trailingZeroBitCount] &+= 1
      bits &= bits &- 1
    }
  }

  /// How often an event happened.
  public subscript(event: EventKind) -> UInt64 { events[Int(event.rawValue)] }
  /// How often an anomaly was found.
  public subscript(anomaly: Anomaly) -> UInt64 { anomalies[Int(anomaly.rawValue)] }
  /// How many packets were of a kind.
  public subscript(kind: PacketKind) -> UInt64 { packetKinds[Int(kind.rawValue)] }

  /// Packets that are too broken to say what they are.
  public var malformed: UInt64 { self[PacketKind.malformed] }
  /// Packets per second, rounded down; 0 when no time passed.
  public var packetsPerSecond: UInt64 { rate(of: packets) }
  /// Frame bytes per second, rounded down; 0 when no time passed.
  public var bytesPerSecond: UInt64 { rate(of: bytes) }
  /// Picoseconds per packet over all loops; 0 without a packet.
  public var picosecondsPerPacket: UInt64 { picoseconds(elapsedNanoseconds, packets: packets) }
  /// Picoseconds per packet in the fastest loop; 0 when it was not measured.
  public var fastestPicosecondsPerPacket: UInt64 {
    picoseconds(fastestLoopNanoseconds, packets: packets / max(loops, 1))
  }

  private func rate(of count: UInt64) -> UInt64 {
    guard elapsedNanoseconds > 0 else { return 0 }
    let product = count.multipliedFullWidth(by: 1_000_000_000)
    guard product.high < elapsedNanoseconds else { return .max }
    return elapsedNanoseconds.dividingFullWidth(product).quotient
  }

  private func picoseconds(_ nanoseconds: UInt64, packets: UInt64) -> UInt64 {
    packets == 0 ? 0 : (nanoseconds &* 1000) / packets
  }

  /// What two workers counted together. Times and memory are the larger, as both ran at once in one process; the number
  /// of workers adds up.
  public static func + (left: ReplayStatistics, right: ReplayStatistics) -> ReplayStatistics {
    var sum = left
    sum.packets &+= right.packets
    sum.bytes &+= right.bytes
    for index in sum.packetKinds.indices { sum.packetKinds[index] &+= right.packetKinds[index] }
    for index in sum.events.indices { sum.events[index] &+= right.events[index] }
    for index in sum.anomalies.indices { sum.anomalies[index] &+= right.anomalies[index] }
    sum.dropped &+= right.dropped
    sum.tracker.add(right.tracker)
    sum.checksums.add(right.checksums)
    if let middleboxes = right.middleboxes {
      sum.middleboxes = (sum.middleboxes ?? EngineStatistics()) + middleboxes
    }
    sum.elapsedNanoseconds = max(sum.elapsedNanoseconds, right.elapsedNanoseconds)
    sum.peakAnonymousBytes = max(sum.peakAnonymousBytes, right.peakAnonymousBytes)
    sum.workers &+= right.workers
    sum.loops = max(sum.loops, right.loops)
    sum.fastestLoopNanoseconds = max(sum.fastestLoopNanoseconds, right.fastestLoopNanoseconds)
    return sum
  }
}

extension TrackerStatistics {
  /// Adds what another tracker counted.
  mutating func add(_ other: TrackerStatistics) {
    tcpFlows &+= other.tcpFlows
    udpFlows &+= other.udpFlows
    icmpFlows &+= other.icmpFlows
    closedFlows &+= other.closedFlows
    evictedFlows &+= other.evictedFlows
    resetFlows &+= other.resetFlows
    orphanPackets &+= other.orphanPackets
    deliveredBytes &+= other.deliveredBytes
    duplicateBytes &+= other.duplicateBytes
    rejectedBytes &+= other.rejectedBytes
    droppedBytes &+= other.droppedBytes
    droppedPackets &+= other.droppedPackets
    queuedBytes &+= other.queuedBytes
    unassembledBytes &+= other.unassembledBytes
    unmonitoredSteps &+= other.unmonitoredSteps
    overflowBytes &+= other.overflowBytes
    urgentBytes &+= other.urgentBytes
    orphanBytes &+= other.orphanBytes
    missedBytes &+= other.missedBytes
    unselectedBytes &+= other.unselectedBytes
    uncomparedBytes &+= other.uncomparedBytes
  }

  /// Where TCP payload bytes ended, each byte in one; and those that never came.
  var payload: [(name: StaticString, bytes: UInt64)] {
    [
      ("delivered", deliveredBytes), ("duplicate", duplicateBytes), ("rejected", rejectedBytes),
      ("queued", queuedBytes), ("unassembled", unassembledBytes), ("overflow", overflowBytes),
      ("urgent", urgentBytes), ("dropped", droppedBytes), ("orphan", orphanBytes),
      ("unselected", unselectedBytes), ("missed", missedBytes), ("uncompared", uncomparedBytes),
    ]
  }

  /// Flows by protocol, with Zeek's names.
  var flows: [(name: StaticString, count: UInt64)] {
    [("tcp", tcpFlows), ("udp", udpFlows), ("icmp", icmpFlows)]
  }
}
