/// How an interface is captured at.
public struct PcapConfiguration: Sendable {
  /// How much of each frame is taken, in bytes, 64 to 262,144.
  public var snapLength = 262_144
  /// Frames for others than this host are taken too.
  public var isPromiscuous = true
  /// Room in the kernel for frames that nobody has fetched yet, in bytes, 1 MiB to 1 GiB.
  public var bufferByteCount = 64 << 20
  /// Which frames are taken: a pcap-filter expression; the kernel applies it.
  public var filter: String?
  /// Which frames are taken: those that come in, those that leave, or both. A port that also sends would get its own frames
  /// back if it took those that leave.
  public var direction = Direction.both
  /// Each frame can be received at once. Otherwise they come several at a time, which costs less, up to
  /// `PcapPort.longestDelay` late.
  public var isImmediate = false

  /// Whether frames come in at the interface, or leave there.
  public enum Direction: Sendable {
    case both
    case inbound
    case outbound
  }

  /// What a monitor wants.
  public init() {}
}

/// What the kernel counted of frames that were never received.
public struct PcapCounters: Hashable, Sendable {
  /// Frames for which the port's buffer had no room.
  public var droppedByKernel: UInt64 = 0
  /// Frames that the interface or its driver dropped, for whomever they were.
  public var droppedByInterface: UInt64 = 0

  /// Nothing counted.
  public init() {}
}
