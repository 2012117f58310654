// Unsafe: a burst's frames and packets lie in memory of this call. Invariant: each has room for `EventEngine.burst`.
import MOSCore
import PacketIO

extension EventEngine {
  /// Plays captures to their end, as fast as they can be read: takes their packets in bursts, gives each frame that leaves to
  /// `leaving`, in order, and ends the flows that are open behind the last packet.
  ///
  /// What leaves are the frames that passed, as they came or as they were changed, and those that middleboxes made; where no
  /// middlebox has a filter, all that came. A frame's bytes are valid until `leaving` returns. What it throws ends the
  /// playing, with the flows as they are.
  ///
  ///     var trace = try TraceReader(paths: ["traces/http.pcap"])
  ///     var engine = try EventEngine([Greeter()]) { print($0.text) }
  ///     try engine.play(&trace) { try writer.write($0.frame) }
  ///
  /// Look at `problems` of the trace behind it, which are damage in its files. Whoever has frames from elsewhere writes the
  /// loop himself, with `PacketDecoder` and `process(_:count:)`, or has a `Bridge` between two ports.
  public mutating func play(
    _ trace: inout TraceReader, decoder configuration: DecoderConfiguration = DecoderConfiguration(),
    leaving: (PacketOutput.Frame) throws -> Void
  ) rethrows {
    var decoder = PacketDecoder(configuration: configuration)
    let frames = UnsafeMutablePointer<CapturedFrame>.allocate(capacity: EventEngine.burst)
    let packets = UnsafeMutablePointer<DecodedPacket>.allocate(capacity: EventEngine.burst)
    defer {
      frames.deallocate()
      packets.deallocate()
    }
    var clock = Timestamp(nanoseconds: .min)
    while true {
      let number = trace.packetsRead &+ 1
      let count = trace.next(into: frames, capacity: EventEngine.burst)
      if count == 0 { break }
      decoder.beginBurst()
      decoder.decode(frames, count: count, number: number, clock: &clock, into: packets)
      process(packets, count: count)
      if acts {
        try hand(on: leaving)
      } else {
        for index in 0..<count { try leaving(PacketOutput.Frame(frame: frames[index], isReturned: false)) }
      }
    }
    finish()
    collect()
    try hand(on: leaving)
  }

  /// The same where nobody wants what leaves.
  public mutating func play(
    _ trace: inout TraceReader, decoder configuration: DecoderConfiguration = DecoderConfiguration()
  ) {
    play(&trace, decoder: configuration) { _ in }
  }

  private mutating func hand(on leaving: (PacketOutput.Frame) throws -> Void) rethrows {
    defer { output.removeAll() }
    for index in 0..<output.count { try leaving(output[index]) }
  }
}
