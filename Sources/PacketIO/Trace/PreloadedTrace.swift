import Glibc
import MOSCore

/// A whole trace in memory, to be run over many times without the cost of reading it.
///
/// In loop n (from 0) all times are later by n times the trace's duration and a second, and the addresses of IP packets
/// (inside of tunnels: of the innermost) have a few bits flipped, with checksums kept right, so that its flows are new
/// ones. Addresses quoted in ICMP errors stay as they are, and so do those inside of tunnels whose packets were fragmented. The work for that is done by `rewind`, not by `next`.
///
/// Invariant: `storage` has `capacity` frames, the first `count` of them initialised, each pointing into one of
/// `chunks`, which nobody else writes.
public struct PreloadedTrace: ~Copyable {
  /// Damage met while loading; the packets before it are there.
  public private(set) var problems: [CaptureError] = []
  /// Frames in the trace.
  public private(set) var count = 0
  /// The frames' captured bytes.
  public private(set) var capturedBytes: UInt64 = 0
  /// The loop that the frames are in, from 0.
  public private(set) var loop: UInt64 = 0
  /// Frames given out so far, over all loops.
  public private(set) var packetsRead: UInt64 = 0

  private var storage: UnsafeMutablePointer<CapturedFrame>
  private var shifts: UnsafeMutablePointer<AddressShift>
  private var capacity = 4096
  private var chunks: [UnsafeMutableRawPointer] = []
  private var chunkFree = 0
  private var position = 0
  private var ipv4 = AddressBits(width: 24)
  private var ipv6 = AddressBits(width: 64)
  private var earliest = Timestamp(nanoseconds: .max)
  private var latest = Timestamp(nanoseconds: .min)

  /// More than the longest frame, which is `CaptureLimits.frameLength`.
  private static var chunkLength: Int { 64 << 20 }

  /// Reads all of the captures into memory, merged by time as by `TraceReader`.
  ///
  /// Throws when a file cannot be opened or memory does not suffice; for damage see `problems`.
  public init(paths: [String]) throws(CaptureError) {
    try self.init(TraceReader(paths: paths))
  }

  /// Reads captures that are in memory into memory of its own.
  public init(buffers: [UnsafeRawBufferPointer]) throws(CaptureError) {
    try self.init(TraceReader(buffers: buffers))
  }

  private init(_ source: consuming TraceReader) throws(CaptureError) {
    storage = .allocate(capacity: capacity)
    shifts = .allocate(capacity: capacity)
    let burst = 64
    let frames = UnsafeMutablePointer<CapturedFrame>.allocate(capacity: burst)
    defer { frames.deallocate() }
    var analysis = DecoderConfiguration()
    analysis.verifyChecksums = false
    analysis.reassembleFragments = false
    var inner = PacketDecoder(configuration: analysis)
    analysis.tunnels = [.mpls, .pppoe]
    var outer = PacketDecoder(configuration: analysis)
    var failure: CaptureError?
    while failure == nil {
      let taken = source.next(into: frames, capacity: burst)
      if taken == 0 { break }
      for index in 0..<taken {
        guard let copy = keep(frames[index]) else {
          failure = CaptureError(kind: .inputOutput, file: "preload", reason: "out of memory")
          break
        }
        analyse(copy, inner: &inner, outer: &outer)
      }
    }
    problems = source.problems
    if let failure { throw failure }
  }

  deinit {
    for chunk in chunks { free(chunk) }
    storage.deallocate()
    shifts.deallocate()
  }

  /// Copies a frame to memory of its own; nil when there is none.
  private mutating func keep(_ frame: CapturedFrame) -> CapturedFrame? {
    let length = Int(frame.capturedLength)
    // Eight bytes more than needed let headers be loaded in whole words.
    let room = (length + 15) & ~7
    if room > chunkFree {
      guard let chunk = malloc(Self.chunkLength) else { return nil }
      chunks.append(chunk)
      chunkFree = Self.chunkLength
    }
    if count == capacity { grow() }
    let target = chunks[chunks.count - 1] + (Self.chunkLength - chunkFree)
    target.copyMemory(from: frame.bytes, byteCount: length)
    chunkFree -= room
    var copy = frame
    copy.bytes = UnsafeRawPointer(target)
    (storage + count).initialize(to: copy)
    count += 1
    capturedBytes &+= UInt64(length)
    earliest = min(earliest, frame.timestamp)
    latest = max(latest, frame.timestamp)
    return copy
  }

  private mutating func grow() {
    let frames = UnsafeMutablePointer<CapturedFrame>.allocate(capacity: capacity * 2)
    frames.moveInitialize(from: storage, count: count)
    storage.deallocate()
    storage = frames
    let others = UnsafeMutablePointer<AddressShift>.allocate(capacity: capacity * 2)
    others.moveInitialize(from: shifts, count: count)
    shifts.deallocate()
    shifts = others
    capacity *= 2
  }

  private mutating func analyse(
    _ frame: CapturedFrame, inner: inout PacketDecoder, outer: inout PacketDecoder
  ) {
    var innermost = DecodedPacket(frame: frame.bytes)
    inner.beginBurst()
    inner.decode(frame, number: UInt64(count), into: &innermost)
    var outermost = innermost
    if innermost.tunnelDepth > 0 {
      outer.beginBurst()
      outer.decode(frame, number: UInt64(count), into: &outermost)
    }
    let shift = AddressShift(of: innermost, outer: outermost)
    (shifts + (count - 1)).initialize(to: shift)
    guard let (source, destination) = shift.addresses(in: frame.bytes) else { return }
    if shift.version == 4 {
      ipv4.add(source)
      ipv4.add(destination)
    } else {
      ipv6.add(source)
      ipv6.add(destination)
    }
  }

  /// Gives out the next frames of the loop, up to `capacity` of them; 0 at its end. They stay valid until `rewind`.
  public mutating func next(into frames: UnsafeMutablePointer<CapturedFrame>, capacity: Int) -> Int {
    let taken = min(count &- position, capacity)
    if taken <= 0 { return 0 }
    frames.update(from: storage + position, count: taken)
    position &+= taken
    packetsRead &+= UInt64(taken)
    return taken
  }

  /// All frames, as they are in this loop, where no copies are wanted. Valid until `rewind`.
  public var frames: UnsafeBufferPointer<CapturedFrame> { UnsafeBufferPointer(start: storage, count: count) }

  /// From the earliest packet to the latest, in nanoseconds; 0 for an empty trace.
  public var duration: Int64 { count == 0 ? 0 : max(latest.since(earliest), 0) }

  /// Goes back to the first frame, and makes the trace's flows those of the next loop.
  public mutating func rewind() {
    let step = duration &+ 1_000_000_000
    let mask4 = ipv4.mask(ofLoop: loop) ^ ipv4.mask(ofLoop: loop &+ 1)
    let mask6 = ipv6.mask(ofLoop: loop) ^ ipv6.mask(ofLoop: loop &+ 1)
    for index in 0..<count {
      storage[index].timestamp = storage[index].timestamp.advanced(by: step)
      let shift = shifts[index]
      shift.apply(
        mask: shift.version == 4 ? mask4 : mask6, to: UnsafeMutableRawPointer(mutating: storage[index].bytes))
    }
    loop &+= 1
    position = 0
  }
}
