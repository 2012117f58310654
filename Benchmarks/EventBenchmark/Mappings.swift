import EventDSL
import Glibc
import Middleboxes

/// Anonymous memory of the process, in bytes.
func anonymousMemory() -> UInt64 {
  guard let file = fopen("/proc/self/smaps_rollup", "r") else { return 0 }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 256)
  while fgets(&line, Int32(line.count), file) != nil {
    let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    if text.hasPrefix("Anonymous:") { return (UInt64(text.filter(\.isNumber)) ?? 0) << 10 }
  }
  return 0
}

/// Every flow gets a second key, by which the answers to a translated address would find it.
struct Keys: Middlebox {
  var events: some EventGraph {
    Filter(.packet) { event, _ in
      var key = event.flow.key
      key.source.low ^= 1 << 31
      _ = event.flow.addKey(key)
    }
  }
}

/// What `count` UDP flows of 16,384 hosts take, in an engine with `boxes`: one packet of each, all alive at the end.
func measureMappings(_ boxes: [any Middlebox], count: Int) throws {
  var configuration = TrackerConfiguration()
  configuration.maximumFlows = count + 1_024
  var engine = try EventEngine(boxes, tracker: configuration)
  engine.changesFramesInPlace = true
  var decoderConfiguration = DecoderConfiguration()
  decoderConfiguration.verifyChecksums = false
  var decoder = PacketDecoder(configuration: decoderConfiguration)
  let header: [UInt8] =
    [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]
    + [0x45, 0, 0, 28, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 0, 203, 0, 113, 1, 0, 0, 0, 53, 0, 8, 0, 0]
  let memory = UnsafeMutableRawPointer.allocate(byteCount: EventEngine.burst * 64, alignment: 64)
  let frames = UnsafeMutablePointer<CapturedFrame>.allocate(capacity: EventEngine.burst)
  let packets = UnsafeMutablePointer<DecodedPacket>.allocate(capacity: EventEngine.burst)
  var clock = Timestamp(nanoseconds: .min)
  let before = anonymousMemory()
  for start in stride(from: 0, to: count, by: EventEngine.burst) {
    let taken = min(EventEngine.burst, count - start)
    for index in 0..<taken {
      let frame = memory + index * 64
      frame.copyMemory(from: header, byteCount: header.count)
      let number = start + index
      frame.storeBytes(of: UInt16(number & 0x3fff).bigEndian, toByteOffset: 28, as: UInt16.self)
      frame.storeBytes(of: UInt16(10_000 + number >> 14).bigEndian, toByteOffset: 34, as: UInt16.self)
      (frames + index).initialize(
        to: CapturedFrame(
          bytes: UnsafeRawPointer(frame), capturedLength: UInt32(header.count), wireLength: UInt32(header.count),
          timestamp: Timestamp(nanoseconds: Int64(number) * 1_000), linkType: .ethernet))
    }
    decoder.beginBurst()
    decoder.decode(frames, count: taken, number: UInt64(start + 1), clock: &clock, into: packets)
    engine.process(packets, count: taken)
    engine.output.removeAll()
  }
  let mappings = boxes.compactMap { $0 as? NAT }.map(\.counters.mappings).reduce(0, +)
  print("\(mappings) mappings, flows \(engine.trackerStatistics.udpFlows), bytes \(anonymousMemory() - before)")
}
