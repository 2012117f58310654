// Unsafe: owns memory for frames. Invariant: the first `count` entries are initialised; their bytes lie in the memory of the
// burst that is being processed, or in `arena`, until `removeAll`.
import MOSCore

/// What leaves an engine for the wire: frames that passed, as they came or as they were changed, and frames that middleboxes
/// made, in their order.
///
/// It is to be sent and emptied behind each burst: what was not changed still lies in the burst's own memory.
public struct PacketOutput: ~Copyable {
  /// One frame.
  @frozen
  public struct Frame: BitwiseCopyable {
    /// The frame.
    public var frame: CapturedFrame
    /// It goes back to where the packet came from that it answers, not onward.
    public var isReturned: Bool
  }

  /// The most frames of one burst.
  public static var capacity: Int { 1_024 }
  private static let arenaBytes = 1 << 20

  private let frames: UnsafeMutablePointer<Frame>
  private let arena: UnsafeMutableRawPointer
  private var arenaCount = 0
  /// Frames that are here.
  public private(set) var count = 0
  /// Frames for which there was no room.
  public private(set) var lost: UInt64 = 0

  init() {
    frames = .allocate(capacity: PacketOutput.capacity)
    arena = .allocate(byteCount: PacketOutput.arenaBytes, alignment: 64)
  }

  deinit {
    frames.deallocate()
    arena.deallocate()
  }

  /// The frame at `index`, from 0. Precondition: below `count`.
  public subscript(index: Int) -> Frame { frames[index] }

  /// Everything has been sent.
  public mutating func removeAll() {
    count = 0
    arenaCount = 0
  }

  /// A packet leaves. `copies` says that its bytes will not stay where they are.
  mutating func append(_ packet: DecodedPacket, copies: Bool, isReturned: Bool = false) {
    guard count < PacketOutput.capacity else {
      lost &+= 1
      return
    }
    var bytes = packet.frame
    if copies {
      let length = Int(packet.capturedLength)
      guard arenaCount + length <= PacketOutput.arenaBytes else {
        lost &+= 1
        return
      }
      let copy = arena + arenaCount
      copy.copyMemory(from: bytes, byteCount: length)
      arenaCount += (length + 63) & ~63
      bytes = UnsafeRawPointer(copy)
    }
    (frames + count).initialize(
      to: Frame(
        frame: CapturedFrame(
          bytes: bytes, capturedLength: packet.capturedLength, wireLength: packet.wireLength,
          timestamp: packet.timestamp, linkType: packet.linkType), isReturned: isReturned))
    count += 1
  }
}
