import DualStackTracker
import MOSCore
import PacketIO

// Prints what clients sent as their servers have it: in order, each byte once, whatever was lost or sent again.
var trace = try TraceReader(paths: Array(CommandLine.arguments.dropFirst()))
var decoder = PacketDecoder(configuration: DecoderConfiguration())
var tracker = Tracker(configuration: TrackerConfiguration())
let frame = UnsafeMutablePointer<CapturedFrame>.allocate(capacity: 1)

while trace.next(into: frame, capacity: 1) == 1 {
  var packet = DecodedPacket(frame: frame.pointee.bytes)
  decoder.beginBurst()
  decoder.decode(frame.pointee, number: trace.packetsRead, into: &packet)
  tracker.process(&packet)
  for index in 0..<tracker.events.count where tracker.events[index].kind == .newData {
    let event = tracker.events[index]
    guard event.side == .server else { continue }
    tracker.forEachSpan(of: event) { print(String(decoding: $0, as: UTF8.self), terminator: "") }
  }
  while case let flow = tracker.takeReleased(), flow != 0 { tracker.free(flow) }
}
