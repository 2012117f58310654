// Unsafe: owns memory for frames. Invariant: those from 0 to before `count` are complete, each in its slot.
import MOSCore

/// Packets that middleboxes made while another was on its way: they go on theirs behind it.
struct Injections: ~Copyable {
  /// The most for one packet.
  static let capacity = 64
  /// Bytes of a frame.
  static let slotBytes = 2_048

  /// One frame.
  private struct Frame: BitwiseCopyable {
    var length: Int
    var isReturned: Bool
  }

  private let memory: UnsafeMutableRawPointer
  private let frames: UnsafeMutablePointer<Frame>
  private(set) var count = 0
  var decoder: PacketDecoder

  init() {
    memory = .allocate(byteCount: Injections.capacity * Injections.slotBytes, alignment: 64)
    frames = .allocate(capacity: Injections.capacity)
    var configuration = DecoderConfiguration()
    configuration.verifyChecksums = false
    decoder = PacketDecoder(configuration: configuration)
  }

  deinit {
    memory.deallocate()
    frames.deallocate()
  }

  /// Makes a segment. `isReturned` says that it goes back to where the template came from. Returns `false` when there is no
  /// room, or when it would be too long.
  mutating func add(
    _ builder: SegmentBuilder, _ segment: TCPSegment, options: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer,
    isReturned: Bool
  ) -> Bool {
    guard count < Injections.capacity else { return false }
    let slot = UnsafeMutableRawBufferPointer(
      start: memory + count * Injections.slotBytes, count: Injections.slotBytes)
    guard let length = builder.build(segment, options: options, payload: payload, into: slot) else { return false }
    (frames + count).initialize(to: Frame(length: length, isReturned: isReturned))
    count += 1
    return true
  }

  /// Describes a frame, at the time of `packet`. Returns whether it goes back.
  mutating func describe(_ index: Int, _ packet: UnsafePointer<DecodedPacket>, into made: inout DecodedPacket) -> Bool {
    let frame = CapturedFrame(
      bytes: UnsafeRawPointer(memory + index * Injections.slotBytes), capturedLength: UInt32(frames[index].length),
      wireLength: UInt32(frames[index].length), timestamp: packet.pointee.timestamp, linkType: .ethernet)
    decoder.beginBurst()
    decoder.decode(frame, number: packet.pointee.number, into: &made)
    made.clock = packet.pointee.clock
    return frames[index].isReturned
  }

  /// All have gone on their way.
  mutating func removeAll() { count = 0 }
}

extension Flow {
  /// Sends a TCP segment of this flow toward a side, as if its peer had sent it: to answer on the peer's behalf, or to end
  /// the connection. Numbers are those of the side that receives it.
  ///
  /// It goes behind the packet in whose event this is called, whether that passes or not; the flow's tracking takes it like
  /// any other packet, and handlers see it, but what they inject then is refused. MAC addresses, VLANs, addresses and ports
  /// are those of the flow's own packets. Returns `false`, and sends nothing, in an engine without filters, in an event
  /// without a packet, for a flow that is not TCP in Ethernet frames, in a flow whose numbers are translated, and when
  /// it is longer than 2,048 bytes or the 65th of a packet.
  @discardableResult
  public func inject(
    _ segment: TCPSegment, toward side: Side,
    options: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
    payload: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
  ) -> Bool {
    let core = occurrence.pointee.core
    guard core.pointee.table.acts, !core.pointee.isInjecting, !core.pointee.isTranslated(occurrence.pointee.record),
      let packet = occurrence.pointee.packet, let template = SegmentBuilder(template: packet.pointee)
    else { return false }
    let isReturned = side == occurrence.pointee.sender
    let builder = isReturned ? template.reversed : template
    return core.pointee.injections.add(builder, segment, options: options, payload: payload, isReturned: isReturned)
  }
}

extension EngineLoop {
  /// Sends what was made while `packet` was on its way.
  static func sendInjected(_ core: UnsafeMutablePointer<EngineCore>, _ packet: UnsafePointer<DecodedPacket>) {
    core.pointee.isInjecting = true
    defer {
      core.pointee.isInjecting = false
      core.pointee.injections.removeAll()
    }
    for index in 0..<core.pointee.injections.count {
      var made = DecodedPacket(frame: packet.pointee.frame)
      let isReturned = core.pointee.injections.describe(index, packet, into: &made)
      core.pointee.statistics.injected &+= 1
      core.pointee.output.append(made, copies: true, isReturned: isReturned)
      withUnsafeMutablePointer(to: &made) { made in
        let flow = core.pointee.tracker.process(made)
        if flow != 0 { dispatchBoth(core, flow, made) }
      }
    }
  }
}
