// The code of the article "Running middleboxes"; see StepByStep.swift.
import EventDSL
import PacketIO

// snippet.summary
struct SentByPort: Middlebox {
  final class Counts {
    var bytes: [UInt16: UInt64] = [:]
  }

  var flowFilter: String? = "tcp"
  let counts = Counts()

  var events: some EventGraph {
    On(.recordFinal) { event in
      counts.bytes[event.flow.server.port, default: 0] += event.flow.server.counters.streamBytes
    }
  }

  static func summary(of boxes: [SentByPort]) -> Summary? {
    var sums: [UInt16: UInt64] = [:]
    for box in boxes { sums.merge(box.counts.bytes, uniquingKeysWith: +) }
    let rows = sums.sorted { $0.key < $1.key }.map { [Summary.Value.text("\($0.key)"), .bytes($0.value)] }
    return Summary([.init("ports", ["port", "sent_bytes"], rows)])
  }
}
// snippet.end

/// Plays captures by a loop in the place of `EventEngine.play`, and hands on what leaves.
func playByHand(_ paths: [String], _ middleboxes: [any Middlebox], send: (CapturedFrame) -> Void) throws {
  // snippet.loop
  var trace = try TraceReader(paths: paths)
  var engine = try EventEngine(middleboxes)
  var decoder = PacketDecoder(configuration: DecoderConfiguration())
  let frames = UnsafeMutablePointer<CapturedFrame>.allocate(capacity: EventEngine.burst)
  let packets = UnsafeMutablePointer<DecodedPacket>.allocate(capacity: EventEngine.burst)
  var clock = Timestamp(nanoseconds: .min)

  while true {
    let number = trace.packetsRead + 1
    let count = trace.next(into: frames, capacity: EventEngine.burst)
    if count == 0 { break }
    decoder.beginBurst()
    decoder.decode(frames, count: count, number: number, clock: &clock, into: packets)
    engine.process(packets, count: count)
    for index in 0..<engine.output.count { send(engine.output[index].frame) }
    engine.output.removeAll()
  }
  engine.finish()
  engine.collect()
  // snippet.end
  frames.deallocate()
  packets.deallocate()
}
