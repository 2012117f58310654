/// What a link does to frames, the same in both directions. All chances are between 0 and 1, and independent
/// of each other and from frame to frame, bursts of losses apart.
public struct LinkConfiguration: Sendable {
  /// How long a frame travels, in nanoseconds; not negative.
  public var latency: Int64 = 0
  /// The most that a frame takes longer than that, in nanoseconds; not negative. Frames stay in order.
  public var jitter: Int64 = 0
  /// What the link carries, in bits a second, from 1 to 10^12; nil for as much as comes.
  public var bandwidth: Int64?
  /// How many bytes may wait for a link that is busy, not negative: a frame that finds more before it is dropped.
  public var queueByteCount = 1 << 20
  /// The chance that a frame is lost.
  public var loss: Double = 0
  /// The chance that a burst of losses begins with a frame (Gilbert, "Capacity of a Burst-Noise Channel", 1960).
  public var lossBurst: Double = 0
  /// How many frames such a burst takes in the mean, at least 1.
  public var lossBurstLength: Double = 8
  /// The chance that a frame arrives twice, one right after the other.
  public var duplication: Double = 0
  /// The chance that a frame is late by `reorderingDelay`, so that those sent behind it may overtake it.
  public var reordering: Double = 0
  /// By how much a frame that is picked for reordering is late, in nanoseconds; not negative.
  public var reorderingDelay: Int64 = 1_000_000
  /// The chance that one bit of a frame is inverted: any behind the first 14 bytes, which are an Ethernet header, and which in a
  /// network nobody gets who has not checked them. A frame that arrives twice is then damaged twice.
  public var corruption: Double = 0
  /// What the chances are drawn from: the same seed, and the same frames, give the same result.
  public var seed: UInt64 = 1
  /// How many frames can be under way in one direction, 1 to 2^20; what comes on top is dropped.
  public var slots = 1024
  /// The longest frame that is carried, 1 byte to 16 MiB; longer ones are dropped.
  public var slotByteCount = 2048

  /// A link that carries everything in order and without delay.
  public init() {}
}

/// What one direction of a link counted. `entered` and `duplicated` together are `arrived`, `lost`, `dropped`, and what is
/// still under way.
public struct LinkStatistics: Hashable, Sendable {
  /// Frames put into the link.
  public internal(set) var entered: UInt64 = 0
  /// Copies that duplication added.
  public internal(set) var duplicated: UInt64 = 0
  /// Frames and copies that came to the other end, whether or not there was room for them there.
  public internal(set) var arrived: UInt64 = 0
  /// Frames lost by chance.
  public internal(set) var lost: UInt64 = 0
  /// Frames and copies for which the link had no room.
  public internal(set) var dropped: UInt64 = 0
  /// Frames that were picked for reordering.
  public internal(set) var reordered: UInt64 = 0
  /// Frames in which a bit was inverted.
  public internal(set) var corrupted: UInt64 = 0

  /// Nothing counted.
  public init() {}
}
