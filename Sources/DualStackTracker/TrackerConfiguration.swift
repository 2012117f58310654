import MOSCore
import MTCP

/// What a tracker is told at its start.
public struct TrackerConfiguration: Sendable {
  /// The most flows at a time; at the limit the least valuable one goes. 1 to 2^31 - 1.
  public var maximumFlows = 1_000_000
  /// Flows whose start was not seen are picked up.
  public var midstream = true
  /// Who wins where segments overlap in the receive buffer.
  public var overlapPolicy = OverlapPolicy.linux
  /// The same for what the hosts of these networks receive, the longest prefix that fits; of equal ones the first.
  public var overlapPolicies: [NetworkOverlapPolicy] = []
  /// In-order bytes are kept until they are acknowledged, so that a retransmission can be compared with them.
  public var comparesRetransmissions = true
  /// The urgent byte stays in the stream (SO_OOBINLINE).
  public var urgentInline = false
  /// Segments with an MD5 option that nobody asked for are not taken, as Linux does.
  public var dropsUnsolicitedMD5 = true
  /// Packets whose VLAN tags differ belong to different flows.
  public var distinguishesVLANs = true
  /// Time-out of an established connection, in nanoseconds of packet time (RFC 5382: at least 2 h 4 min).
  public var idleTimeout: Int64 = 7_440 * 1_000_000_000
  /// Time-out of a connection whose handshake is not complete.
  public var halfOpenTimeout: Int64 = 30 * 1_000_000_000
  /// Time-out of UDP and ICMP flows.
  public var datagramTimeout: Int64 = 60 * 1_000_000_000
  /// How long a closed flow is remembered, for late and repeated packets.
  public var lingerTimeout: Int64 = 60 * 1_000_000_000
  /// The most memory that the receive buffers of all flows may take, in bytes.
  public var bufferBytes = 256 << 20
  /// The most memory that in-order bytes which are kept for comparison may take, in bytes. It is given out in blocks of
  /// 1,536 bytes, one or more for each direction with unacknowledged bytes; when none is left, bytes that need a new one
  /// are not compared (`TrackerStatistics.uncomparedBytes`).
  public var retainedBytes = 32 << 20
  /// The most memory that one side's receive buffer may take, in bytes.
  public var sideBufferBytes: UInt32 = 4 << 20
  /// The secret of the flow table's hash; `nil` for a random one.
  public var secret: (UInt64, UInt64)?

  /// The defaults.
  public init() {}
}
