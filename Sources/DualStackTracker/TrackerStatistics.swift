import MOSCore

/// What a tracker counts. Every TCP payload byte that it was given ends in exactly one of the `…Bytes` counters.
public struct TrackerStatistics: BitwiseCopyable, Sendable {
  /// TCP flows that began.
  public var tcpFlows: UInt64 = 0
  /// UDP flows that began.
  public var udpFlows: UInt64 = 0
  /// ICMP and ICMPv6 flows that began.
  public var icmpFlows: UInt64 = 0
  /// TCP connections that both ends closed.
  public var closedFlows: UInt64 = 0
  /// Flows that went because the table was full.
  public var evictedFlows: UInt64 = 0
  /// Flows that were reset from between their ends.
  public var resetFlows: UInt64 = 0
  /// TCP packets that belong to no flow and begin none.
  public var orphanPackets: UInt64 = 0
  /// Payload bytes that became readable in order, when they arrived or from the receive buffer.
  public var deliveredBytes: UInt64 = 0
  /// Payload bytes that had been delivered, or queued, before.
  public var duplicateBytes: UInt64 = 0
  /// Payload bytes of segments that the receiver does not take.
  public var rejectedBytes: UInt64 = 0
  /// Payload bytes that wait, or waited at the flow's end, for a hole to be filled.
  public var queuedBytes: UInt64 = 0
  /// Payload bytes that reached a side whose reassembly is off.
  public var unassembledBytes: UInt64 = 0
  /// Steps of packets, of any protocol, that were not told because the side is not monitored.
  public var unmonitoredSteps: UInt64 = 0
  /// Payload bytes of segments that the receive buffer had no room for.
  public var overflowBytes: UInt64 = 0
  /// Urgent bytes taken out of the stream.
  public var urgentBytes: UInt64 = 0
  /// Payload bytes of segments that were dropped between the ends and that the receiver would have looked at.
  public var droppedBytes: UInt64 = 0
  /// Packets of flows that were dropped between the ends.
  public var droppedPackets: UInt64 = 0
  /// Payload bytes of packets without a flow.
  public var orphanBytes: UInt64 = 0
  /// Payload bytes of flows that are not tracked, because their first packet was not selected.
  public var unselectedBytes: UInt64 = 0
  /// Delivered bytes that were not kept for comparison, because there was no room or no acknowledgments pass; not part
  /// of the sum.
  public var uncomparedBytes: UInt64 = 0
  /// Stream bytes that were acknowledged and never seen; not part of the sum.
  public var missedBytes: UInt64 = 0

  /// Nothing counted.
  public init() {}
}
