// Unsafe: owns memory for frames. Invariant: the first `count` entries are initialised; their bytes lie in the memory of the
// burst that is being processed, or in `areas`, until `removeAll`.
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

  /// The most frames of one burst, and the most bytes of those that do not lie in the burst's own memory.
  static let mostFrames = 65_536
  private static let mostBytes = 64 << 20
  private static let areaBytes = 1 << 20

  private var frames: UnsafeMutablePointer<Frame>
  private var capacity = 1_024
  /// Areas of `areaBytes`, of which the first `areasUsed` have frames.
  private var areas: [UnsafeMutableRawPointer] = []
  private var areasUsed = 0
  private var areaCount = 0
  /// Frames that are here.
  public private(set) var count = 0
  /// Of the IPv6 datagram that was cut last.
  private var ownIdentification = UInt32.random(in: .min ... .max)
  /// Frames for which there was no room: the 65,537th of a burst, and those beyond 64 MiB of copies. Datagrams that came in
  /// fragments, and were changed to what cannot leave in fragments.
  public private(set) var lost: UInt64 = 0

  init() {
    frames = .allocate(capacity: capacity)
  }

  deinit {
    frames.deallocate()
    for area in areas { area.deallocate() }
  }

  /// The frame at `index`, from 0. Precondition: below `count`.
  public subscript(index: Int) -> Frame { frames[index] }

  /// Everything has been sent.
  public mutating func removeAll() {
    count = 0
    areasUsed = 0
    areaCount = 0
  }

  /// A packet leaves. `copies` says that its bytes will not stay where they are.
  mutating func append(
    _ packet: DecodedPacket, copies: Bool, isReturned: Bool = false, leavesChecksum: Bool = false
  ) {
    var bytes = packet.frame
    if copies {
      guard let copy = room(Int(packet.capturedLength)) else { return }
      copy.copyMemory(from: bytes, byteCount: Int(packet.capturedLength))
      bytes = UnsafeRawPointer(copy)
    }
    var frame = CapturedFrame(
      bytes: bytes, capturedLength: packet.capturedLength, wireLength: packet.wireLength, timestamp: packet.timestamp,
      linkType: packet.linkType)
    frame.leavesChecksum = leavesChecksum
    append(frame, isReturned: isReturned)
  }

  /// A packet leaves in fragments of at most `longest` bytes of IP, as it came; one that cannot be cut is lost.
  mutating func appendFragments(
    of packet: UnsafePointer<DecodedPacket>, longest: UInt32, identification: UInt32
  ) {
    let frame = CapturedFrame(
      bytes: packet.pointee.frame, capturedLength: packet.pointee.capturedLength,
      wireLength: packet.pointee.wireLength, timestamp: packet.pointee.timestamp, linkType: packet.pointee.linkType)
    appendFragments(
      of: frame, networkOffset: packet.pointee.network - packet.pointee.frame, longest: longest, isReturned: false,
      identification: identification)
  }

  /// The same of a frame in which IP begins at `networkOffset`. Fragments of IPv6 are given `identification`, unless it is 0.
  mutating func appendFragments(
    of frame: CapturedFrame, networkOffset: Int, longest: UInt32, isReturned: Bool, identification: UInt32 = 0
  ) {
    ownIdentification &+= 1
    guard
      let cutter = FragmentCutter(
        frame.bytes, length: Int(frame.capturedLength), networkOffset: networkOffset, longest: Int(longest),
        identification: identification == 0 ? ownIdentification : identification)
    else {
      lost &+= 1
      return
    }
    for index in 0..<cutter.count {
      let length = cutter.length(of: index)
      guard let room = room(length) else { return }
      cutter.write(index, to: room)
      append(
        CapturedFrame(
          bytes: UnsafeRawPointer(room), capturedLength: UInt32(length), wireLength: UInt32(length),
          timestamp: frame.timestamp, linkType: frame.linkType), isReturned: isReturned)
    }
  }

  /// A frame leaves whose bytes stay where they are, as in a piece of `room`.
  mutating func append(_ frame: CapturedFrame, isReturned: Bool) {
    if count == capacity {
      guard capacity < PacketOutput.mostFrames else {
        lost &+= 1
        return
      }
      let larger = UnsafeMutablePointer<Frame>.allocate(capacity: 2 * capacity)
      larger.moveInitialize(from: frames, count: count)
      frames.deallocate()
      frames = larger
      capacity *= 2
    }
    (frames + count).initialize(to: Frame(frame: frame, isReturned: isReturned))
    count += 1
  }

  /// Memory for a frame of at most `areaBytes` until `removeAll`; nil, and the frame is counted as lost, when there is none.
  mutating func room(_ length: Int) -> UnsafeMutableRawPointer? {
    if areasUsed == 0 || areaCount + length > PacketOutput.areaBytes {
      guard length <= PacketOutput.areaBytes, (areasUsed + 1) * PacketOutput.areaBytes <= PacketOutput.mostBytes else {
        lost &+= 1
        return nil
      }
      if areasUsed == areas.count { areas.append(.allocate(byteCount: PacketOutput.areaBytes, alignment: 64)) }
      areasUsed += 1
      areaCount = 0
    }
    defer { areaCount += (length + 63) & ~63 }
    return areas[areasUsed - 1] + areaCount
  }
}
