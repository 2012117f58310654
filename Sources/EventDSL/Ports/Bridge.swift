// Unsafe: owns arrays of a burst's frames and packets. Invariant: each has room for `EventEngine.burst`, and so have those of
// frames to be sent.
import MOSCore

/// Two ports with an engine between them: what comes in at one leaves at the other, as the engine's filters let it.
public struct Bridge: ~Copyable {
  /// The engine.
  public var engine: EventEngine
  private var decoder: PacketDecoder
  private let frames: UnsafeMutablePointer<CapturedFrame>
  private let packets: UnsafeMutablePointer<DecodedPacket>
  private let onward: UnsafeMutablePointer<CapturedFrame>
  private let returned: UnsafeMutablePointer<CapturedFrame>
  private var clock = Timestamp(nanoseconds: .min)
  private var number: UInt64 = 0

  /// A bridge through `engine`, whose packets are decoded as `decoder` says.
  public init(_ engine: consuming EventEngine, decoder: DecoderConfiguration = DecoderConfiguration()) {
    self.engine = engine
    self.engine.changesFramesInPlace = true
    self.decoder = PacketDecoder(configuration: decoder)
    frames = .allocate(capacity: EventEngine.burst)
    packets = .allocate(capacity: EventEngine.burst)
    onward = .allocate(capacity: EventEngine.burst)
    returned = .allocate(capacity: EventEngine.burst)
  }

  deinit {
    frames.deallocate()
    packets.deallocate()
    onward.deallocate()
    returned.deallocate()
  }

  /// Takes one burst from each port. Returns how many frames were received at both.
  ///
  /// Each port is sent to after it was last received from and before it is received from again, as `PacketPort` asks for.
  @discardableResult
  public mutating func breathe<A: PacketPort & ~Copyable, B: PacketPort & ~Copyable>(_ a: inout A, _ b: inout B) -> Int
  {
    pass(&a, &b, ingress: 0) + pass(&b, &a, ingress: 1)
  }

  private mutating func pass<From: PacketPort & ~Copyable, To: PacketPort & ~Copyable>(
    _ from: inout From, _ to: inout To, ingress: UInt8
  ) -> Int {
    let count = from.receive(into: frames, capacity: EventEngine.burst)
    if count == 0 { return 0 }
    decoder.beginBurst()
    decoder.decode(frames, count: count, number: number &+ 1, clock: &clock, into: packets)
    number &+= UInt64(count)
    engine.ingress = ingress
    engine.process(packets, count: count)
    guard engine.acts else {
      _ = to.send(frames, count: count)
      return count
    }
    sendOutput(&from, &to)
    return count
  }

  /// Moves packet time on without a packet, for when none comes: what timers make, and what they let go, is sent.
  public mutating func advance<A: PacketPort & ~Copyable, B: PacketPort & ~Copyable>(
    to clock: Timestamp, _ a: inout A, _ b: inout B
  ) {
    engine.ingress = 0
    engine.advance(to: clock)
    engine.collect()
    sendOutput(&a, &b)
  }

  /// Sends what left the engine: on to one port, or back to the other, where the packets of the last burst came in.
  private mutating func sendOutput<From: PacketPort & ~Copyable, To: PacketPort & ~Copyable>(
    _ from: inout From, _ to: inout To
  ) {
    var onwardCount = 0
    var returnedCount = 0
    for index in 0..<engine.output.count {
      let output = engine.output[index]
      if output.isReturned {
        (returned + returnedCount).initialize(to: output.frame)
        returnedCount += 1
      } else {
        (onward + onwardCount).initialize(to: output.frame)
        onwardCount += 1
      }
      if returnedCount == EventEngine.burst { send(returned, &returnedCount, &from) }
      if onwardCount == EventEngine.burst { send(onward, &onwardCount, &to) }
    }
    send(onward, &onwardCount, &to)
    send(returned, &returnedCount, &from)
    engine.output.removeAll()
  }

  private func send<Port: PacketPort & ~Copyable>(
    _ frames: UnsafeMutablePointer<CapturedFrame>, _ count: inout Int, _ port: inout Port
  ) {
    if count > 0 { _ = port.send(frames, count: count) }
    count = 0
  }
}
