import MOSCore

/// How connections behave.
public struct ConnectionConfiguration: BitwiseCopyable, Sendable {
  /// The largest segment that is received, in bytes of payload: the MTU less 40 for IPv4, less 60 for IPv6 (RFC 9293 3.7.1).
  public var maximumSegmentSize: UInt16 = 1_460
  /// Bytes that wait for the application, or for bytes before them, 1,024 to 2^30: what the window is made of.
  public var receiveBytes: UInt32 = 256 << 10
  /// Bytes that wait to be sent, or to be acknowledged, 1,024 to 2^30.
  public var sendBytes: UInt32 = 256 << 10
  /// Small segments wait until what was sent before is acknowledged (RFC 9293 3.7.4, Nagle).
  public var delaysSmallSegments = true
  /// How long an acknowledgment waits for data to go with, or for a second segment, in nanoseconds; at most half a second (RFC
  /// 9293 3.8.6.3).
  public var acknowledgmentDelay: Int64 = 40_000_000
  /// The least time-out of retransmissions, in microseconds. RFC 6298 2.4 has a second; hosts have less.
  public var minimumTimeout: UInt32 = 200_000
  /// How long data may wait for an acknowledgment before the connection is given up, in nanoseconds (RFC 9293 3.8.3, RFC 5482).
  public var userTimeout: Int64 = 300_000_000_000
  /// Twice the maximum segment lifetime, in nanoseconds (RFC 9293 3.4.2): how long TIME-WAIT lasts.
  public var timeWait: Int64 = 60_000_000_000
  /// How long a connection waits for the peer's FIN when the application has gone away, in nanoseconds.
  public var finWait: Int64 = 60_000_000_000
  /// How long a connection is quiet before it is asked whether the peer is there, in nanoseconds; nil for never (RFC 9293 3.8.4).
  public var keepAlive: Int64?
  /// Between two such questions, and how many stay unanswered before the connection is given up.
  public var keepAliveInterval: Int64 = 75_000_000_000
  /// See `keepAliveInterval`.
  public var keepAliveProbes: UInt8 = 9
  /// Timestamps are offered and taken (RFC 7323).
  public var usesTimestamps = true
  /// Selective acknowledgments are (RFC 2018).
  public var usesSACK = true
  /// Window scaling is (RFC 7323).
  public var usesWindowScale = true

  /// What a host on Ethernet has.
  public init() {}

  /// The window scale shift that is offered: the least that lets the window say `receiveBytes`.
  var windowScale: UInt8 {
    var shift: UInt8 = 0
    while shift < 14, receiveBytes >> shift > 0xffff { shift += 1 }
    return shift
  }
}
