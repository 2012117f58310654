// Unsafe: owns memory for frames. Invariant: those from 0 to before `count` are complete, each in its slot.
import MOSCore

/// Packets that middleboxes made while another was on its way: they go on theirs behind it.
struct Injections: ~Copyable {
  /// The most for one packet.
  static let capacity = 64
  /// Bytes of a frame.
  static let slotBytes = 2_048
  /// A payload that is shorter is summed up in less time than it takes to leave that to a port.
  static let leastPayloadLeft = 256

  /// One frame.
  private struct Frame: BitwiseCopyable {
    var length: Int
    var way: PacketWay
    var leavesChecksum = false
  }

  private let memory: UnsafeMutableRawPointer
  private let frames: UnsafeMutablePointer<Frame>
  private(set) var count = 0
  /// Ports fill in what was left out.
  var leavesChecksums = false
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

  /// Makes a segment, which goes a way. Returns `false` when there is no room, or when it would be too long.
  mutating func add(
    _ builder: SegmentBuilder, _ segment: TCPSegment, _ way: PacketWay,
    options: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
    payload: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
  ) -> Bool {
    let leaves = leavesChecksums && payload.count >= Injections.leastPayloadLeft
    let isMade = add(way) {
      builder.build(segment, options: options, payload: payload, leavesChecksum: leaves, into: $0)
    }
    if isMade { frames[count - 1].leavesChecksum = leaves }
    return isMade
  }

  /// Makes a frame that goes a way: `make` writes it, and returns its length, nil where it does not. Returns `false` then, and
  /// when there is no room.
  mutating func add(_ way: PacketWay, _ make: (UnsafeMutableRawBufferPointer) -> Int?) -> Bool {
    guard count < Injections.capacity else { return false }
    let slot = UnsafeMutableRawBufferPointer(
      start: memory + count * Injections.slotBytes, count: Injections.slotBytes)
    guard let length = make(slot) else { return false }
    (frames + count).initialize(to: Frame(length: length, way: way))
    count += 1
    return true
  }

  /// Describes a frame, at the time of `packet`. Returns its way.
  mutating func describe(
    _ index: Int, _ packet: UnsafePointer<DecodedPacket>, into made: inout DecodedPacket
  ) -> PacketWay {
    let frame = CapturedFrame(
      bytes: UnsafeRawPointer(memory + index * Injections.slotBytes), capturedLength: UInt32(frames[index].length),
      wireLength: UInt32(frames[index].length), timestamp: packet.pointee.timestamp, linkType: .ethernet)
    decoder.beginBurst()
    decoder.decode(frame, number: packet.pointee.number, into: &made)
    made.clock = packet.pointee.clock
    return frames[index].way
  }

  /// Whether the checksum of a frame was left out.
  func leavesChecksum(_ index: Int) -> Bool { frames[index].leavesChecksum }

  /// All have gone on their way.
  mutating func removeAll() { count = 0 }
}

extension PacketWay {
  /// The way of a packet that is made for `side` in the event of an occurrence: on from there, or back, through the
  /// middleboxes that a packet of its direction would still have to pass.
  init(toward side: Side, _ occurrence: UnsafeMutablePointer<Occurrence>, _ template: SegmentTemplate) {
    let core = occurrence.pointee.core
    let count = core.pointee.table.boxCount
    let box = core.pointee.table.box(of: occurrence.pointee.node)
    flow = occurrence.pointee.flow
    sender = side.peer
    maker = box
    isReturned = (side == .client) == template.isReturnedToClient
    let position = sender == .client ? box : count - 1 - box
    // At `.sender` the event's packet has not left the middlebox, at `.receiver` it has left all.
    if occurrence.pointee.hook == .receiver {
      passed = isReturned ? 0 : count
    } else if occurrence.pointee.packet == nil {
      passed = position
    } else {
      passed = isReturned ? position + 1 : position
    }
  }
}

extension Flow {
  /// Sends a TCP segment of this flow toward a side, as if its peer had sent it: to answer on the peer's behalf, or to add
  /// to what it says.
  ///
  /// It goes behind the packet in whose event this is called, whether that passes or not. Its numbers are those that the
  /// event's packet has (`PacketView`): from there it goes on, or back, as a packet of that side does. The middleboxes on its
  /// way can change and drop it, and where streams were made longer or shorter its numbers are translated; the one that
  /// calls this does not have its filters asked on the way. The flow's tracking takes it like any other packet, and handlers
  /// see it, but what they inject then is refused. MAC addresses, VLANs, addresses and ports are those of the event's
  /// packet.
  ///
  /// In the event of a `FlowTimer` it goes off at once, from the middlebox on, and its numbers are those that a packet of
  /// its direction would have where it comes to it.
  ///
  /// Returns `false`, and sends nothing, in an engine without filters, in any other event without a packet, for a flow that
  /// is not TCP in Ethernet frames, and when it is longer than 2,048 bytes or the 65th of an event.
  @discardableResult
  public func inject(
    _ segment: TCPSegment, toward side: Side,
    options: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
    payload: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
  ) -> Bool {
    let core = occurrence.pointee.core
    guard core.pointee.table.acts, !core.pointee.isInjecting, let template = core.pointee.template(occurrence) else {
      return false
    }
    let way = PacketWay(toward: side, occurrence, template)
    let builder = template.builder(of: way.sender)
    guard core.pointee.injections.add(builder, segment, way, options: options, payload: payload) else { return false }
    core.pointee.hasMade = true
    return true
  }
}
