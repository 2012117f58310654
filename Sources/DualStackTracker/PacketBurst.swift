import MOSCore

/// A burst of decoded packets on its way through a tracker. Borrows the memory that it names.
public struct PacketBurst: BitwiseCopyable {
  /// The packets.
  public let packets: UnsafeMutablePointer<DecodedPacket>
  /// How many there are.
  public let count: Int
  /// How many of them `Tracker.process` takes, up to `count`.
  public var limit: Int
  /// `Tracker.process` takes no packet before which flows timed out that `Tracker.nextEnded` was not asked of.
  public var waitsForEnds = false
  /// What `Tracker.prepare` found for each.
  let candidates: UnsafeMutablePointer<UInt32>
  /// The place of the first packet that the tracker has not taken.
  public internal(set) var next = 0
  /// The flow of the packet before that, 0 for one without.
  public internal(set) var flow: UInt32 = 0

  /// A burst of `count` packets, of which none is taken. `candidates` has room for a number for each packet.
  public init(
    _ packets: UnsafeMutablePointer<DecodedPacket>, count: Int, candidates: UnsafeMutablePointer<UInt32>
  ) {
    self.packets = packets
    self.count = count
    limit = count
    self.candidates = candidates
  }

  /// The packet that was taken last. Precondition: `next` is not 0.
  public var packet: UnsafePointer<DecodedPacket> { UnsafePointer(packets + (next &- 1)) }
}
