import DualStackTracker
import Glibc
import MOSCore
import PacketIO

// Replays captures that were cut short, all in this process: at every 97th byte of the first 64 KiB and at 200 places
// beyond. What must hold of each: no crash, no more packets than in the whole capture, every flow ends and is released
// once, and the payload bytes that the tracker was given are all accounted for.
//
// Usage: ReplayCuts CAPTURE...

/// What one replay came to.
struct Outcome {
  var packets: UInt64 = 0
  var began: UInt64 = 0
  var released: UInt64 = 0
  var problems = 0
}

/// Takes a capture in memory through reader, decoder and tracker; reads every delivered byte.
func replay(_ capture: UnsafeRawBufferPointer) -> Outcome {
  var outcome = Outcome()
  var configuration = TrackerConfiguration()
  configuration.maximumFlows = 4096
  configuration.bufferBytes = 16 << 20
  var tracker = Tracker(configuration: configuration)
  var decoder = PacketDecoder(configuration: DecoderConfiguration())
  var clock = Timestamp(nanoseconds: .min)
  do {
    var reader = try TraceReader(buffers: [capture])
    withUnsafeTemporaryAllocation(of: CapturedFrame.self, capacity: 1) { frames in
      guard let frame = frames.baseAddress else { return }
      while reader.next(into: frame, capacity: 1) == 1 {
        outcome.packets += 1
        var packet = DecodedPacket(frame: frame.pointee.bytes)
        decoder.beginBurst()
        decoder.decode(frame, count: 1, number: outcome.packets, clock: &clock, into: &packet)
        tracker.process(&packet)
        readDelivered(tracker)
        outcome.released += release(&tracker)
      }
    }
    outcome.problems = reader.problems.count
  } catch {
    outcome.problems = 1
  }
  tracker.finish()
  outcome.released += release(&tracker)
  outcome.began = tracker.statistics.tcpFlows + tracker.statistics.udpFlows + tracker.statistics.icmpFlows
  return outcome
}

/// So that reading is not optimised away.
nonisolated(unsafe) var sink: UInt8 = 0

func readDelivered(_ tracker: borrowing Tracker) {
  for index in 0..<tracker.events.count where tracker.events[index].kind == .newData {
    tracker.forEachSpan(of: tracker.events[index]) { for byte in $0 { sink ^= byte } }
  }
}

func release(_ tracker: inout Tracker) -> UInt64 {
  var count: UInt64 = 0
  while tracker.takeEnded() != 0 {}
  while case let flow = tracker.takeReleased(), flow != 0 {
    precondition(tracker.record(flow).pointee.end != .none, "a flow was released that has not ended")
    tracker.free(flow)
    count += 1
  }
  return count
}

/// Where a capture of `count` bytes is cut.
func cuts(_ count: Int) -> [Int] {
  let head = 64 << 10
  var places = Array(stride(from: 0, to: min(count, head), by: 97))
  if count > head { places += (0..<200).map { head + (count - head) * $0 / 200 } }
  return places
}

/// Memory that ends at a page that cannot be read: a read beyond the cut ends the process.
struct GuardedMemory: ~Copyable {
  private let base: UnsafeMutableRawPointer
  private let end: Int
  private let size: Int

  init(capacity: Int) {
    let page = Int(getpagesize())
    end = (capacity + page - 1) / page * page
    size = end + page
    guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      memory != MAP_FAILED,
      mprotect(memory + end, page, PROT_NONE) == 0
    else { fatalError("no memory") }
    base = memory
  }

  deinit { munmap(base, size) }

  /// A copy of the bytes that ends where the memory does. Precondition: no more than `capacity`.
  func copy(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    let start = base + (end - bytes.count)
    UnsafeMutableRawBufferPointer(start: start, count: bytes.count).copyMemory(from: bytes)
    return UnsafeRawBufferPointer(start: start, count: bytes.count)
  }
}

func contents(_ path: String) -> [UInt8]? {
  guard let file = fopen(path, "rb") else { return nil }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var block = [UInt8](repeating: 0, count: 1 << 16)
  while case let count = fread(&block, 1, block.count, file), count > 0 { bytes += block[..<count] }
  return bytes
}

var replays = 0
for path in CommandLine.arguments.dropFirst() {
  guard let bytes = contents(path) else {
    print("ReplayCuts: \(path) cannot be read")
    exit(1)
  }
  let memory = GuardedMemory(capacity: bytes.count)
  bytes.withUnsafeBytes { capture in
    let whole = replay(capture)
    for cut in cuts(capture.count) {
      let outcome = replay(memory.copy(UnsafeRawBufferPointer(rebasing: capture[..<cut])))
      guard outcome.packets <= whole.packets, outcome.released == outcome.began else {
        print("ReplayCuts: \(path) cut at \(cut): \(outcome); whole: \(whole)")
        exit(1)
      }
      replays += 1
    }
  }
}
print("ReplayCuts: \(CommandLine.arguments.count - 1) captures, \(replays) replays")
