import DualStackTracker
import MOSCore
import MTCP

/// The input is a script: two bytes of settings, then nine bytes for each segment (see `SegmentScript`).
let trackerTarget = Target(
  name: "tracker",
  run: { data, size in
    guard let data, size >= 2 else { return 0 }
    let input = UnsafeRawPointer(data)
    var run = TrackerRun(settings: input.loadBE16(at: 0))
    var position = 2
    while size - position >= SegmentScript.stepLength {
      run.step(input + position)
      position += SegmentScript.stepLength
    }
    run.finish()
    return 0
  },
  seeds: { _ in SegmentScript.examples })

/// The script's language. A step has nine bytes:
///
/// | byte | meaning |
/// |---|---|
/// | 0 | bit 0: from the server; bits 1, 2: which of four flows; bit 3: other payload bytes than at first; bit 4: not acceptable (wrong checksum); bits 5 to 7: time before it |
/// | 1 | TCP flags |
/// | 2 | sequence number: distance from the next one in order |
/// | 3 | acknowledgment: distance from what the peer has sent |
/// | 4 | payload length |
/// | 5 | bits 0 to 3: options; bit 4: distances times 1,000, bit 5: times 65,536; bit 6: lengths times 16; bit 7: small window |
/// | 6 | urgent pointer |
/// | 7 | bit 0: UDP; bit 1: ICMP; bits 2, 3: timestamp option's distance; bits 4 to 7: time to live |
/// | 8 | what happens between the packet's steps or behind them (see `TrackerRun.interfere`) |
enum SegmentScript {
  static let stepLength = 9

  private static func segment(
    server: Bool = false, _ flags: UInt8, sequence: Int8 = 0, length: UInt8 = 0, options: UInt8 = 0, act: UInt8 = 0
  ) -> [UInt8] {
    [server ? 1 : 0, flags, UInt8(bitPattern: sequence), 0, length, options, 0, 0x40, act]
  }

  private static var handshake: [UInt8] {
    segment(0x02, options: 1) + segment(server: true, 0x12, options: 1) + segment(0x10)
  }

  /// A transfer in order, one with a hole, overlaps, resets, and a simultaneous open.
  static var examples: [[UInt8]] {
    let data = segment(0x18, length: 100) + segment(server: true, 0x10)
    let close = segment(0x11) + segment(server: true, 0x11) + segment(0x10)
    let hole = segment(0x10, sequence: 50, length: 50) + segment(server: true, 0x10) + segment(0x10, length: 50)
    let overlap = segment(0x10, sequence: 10, length: 30) + [8] + segment(0x10, sequence: 20, length: 40).dropFirst()
    let reset = segment(0x04, sequence: 5) + segment(0x04)
    let crossed = segment(0x02) + segment(server: true, 0x02) + segment(server: true, 0x12) + segment(0x12)
    let settings: [UInt8] = [0, 0]
    var interferences = settings + handshake
    for act in UInt8.min ... .max {
      interferences += segment(server: act & 16 != 0, 0x18, length: 100, act: act)
      interferences += segment(server: act & 16 == 0, 0x10)
    }
    let undone = hole + segment(0x10, length: 20, act: 3) + segment(0x10, length: 20) + segment(0x11, act: 3) + close
    return [
      interferences, settings + handshake + undone,
      settings + handshake + data + data + close,
      settings + handshake + hole + overlap + data + reset,
      settings + crossed + data + close,
      settings + data + data + segment(server: true, 0x18, length: 20) + close + handshake,
      [0xff, 0xff] + handshake + data + hole + hole + overlap + close + handshake + data,
    ]
  }
}

/// A tracker that a script is played to, and what must hold whatever the script says.
struct TrackerRun: ~Copyable {
  struct Flow {
    var initial: [UInt32]
    var sent: [UInt32] = [0, 0]
  }

  var tracker: Tracker
  private var flows: [Flow] = (0..<4).map { Flow(initial: [$0 &* 0x4000_0000 &- 20, 0x8000_0000 &- 30 &- $0]) }
  private var now: Int64 = 1_700_000_000_000_000_000
  private var number: UInt64 = 0
  var givenBytes: UInt64 = 0
  /// The next stream offset of each side of each flow by the tracker's index, once known.
  var expected: [UInt32: [UInt64?]] = [:]
  private var live: Set<UInt32> = []
  private var burst: [DecodedPacket] = []
  private var memory: [UnsafeMutableRawPointer] = []
  /// What is done to each packet of the burst.
  private var acts: [UInt8] = []
  private let burstLength: Int

  init(settings: UInt16) {
    var configuration = TrackerConfiguration()
    configuration.maximumFlows = settings & 0x8000 == 0 ? 16 : 2
    configuration.midstream = settings & 0x4000 == 0
    configuration.comparesRetransmissions = settings & 0x2000 == 0
    configuration.urgentInline = settings & 0x1000 != 0
    configuration.dropsUnsolicitedMD5 = settings & 0x800 == 0
    if settings & 0x400 != 0 { configuration.sideBufferBytes = 300 }
    if settings & 0x200 != 0 { configuration.bufferBytes = 1 << 16 }
    configuration.overlapPolicy = OverlapPolicy.allCases[Int(settings & 0xff) % OverlapPolicy.allCases.count]
    configuration.secret = (1, 2)
    burstLength = settings & 0x100 == 0 ? 1 : 8
    tracker = Tracker(configuration: configuration)
  }

  mutating func step(_ bytes: UnsafeRawPointer) {
    let control = bytes.load8(at: 0)
    let traits = bytes.load8(at: 5)
    let extra = bytes.load8(at: 7)
    let act = bytes.load8(at: 8)
    let sender = Int(control & 1)
    let index = Int(control >> 1 & 3)
    // From a microsecond to some hours, so that every time-out can pass.
    now +=
      [1_000, 1_000_000, 100_000_000, 1_000_000_000, 31, 61, 3600, 7500][Int(control >> 5)]
      * (control >> 5 < 4 ? 1 : 1_000_000_000)
    let scale: UInt32 = traits & 0x20 != 0 ? 65_536 : traits & 0x10 != 0 ? 1000 : 1
    let flags = TCPFlags(rawValue: UInt16(bytes.load8(at: 1)))
    let distance = UInt32(bitPattern: Int32(Int8(bitPattern: bytes.load8(at: 2)))) &* scale
    let acknowledged = UInt32(bitPattern: Int32(Int8(bitPattern: bytes.load8(at: 3)))) &* scale
    let length = Int(bytes.load8(at: 4)) * (traits & 0x40 != 0 ? 16 : 1)
    let flow = flows[index]
    let sequence = flow.initial[sender] &+ flow.sent[sender] &+ distance
    let acknowledgment = flow.initial[1 - sender] &+ flow.sent[1 - sender] &+ acknowledged

    let options = Self.options(
      traits: traits, sequence: sequence, tick: UInt32(truncatingIfNeeded: number), extra: extra)
    let segmentLength = 20 + options.count + length
    let segment = UnsafeMutableRawPointer.allocate(byteCount: segmentLength, alignment: 1)
    segment.initializeMemory(as: UInt8.self, repeating: 0, count: segmentLength)
    for (offset, byte) in options.enumerated() { segment.store8(byte, at: 20 + offset) }
    for offset in 0..<length {
      let place = sequence &+ UInt32(offset)
      segment.store8(
        UInt8(truncatingIfNeeded: place &* 7) ^ (control & 8 == 0 ? 0 : 0x55), at: 20 + options.count + offset)
    }

    var packet = DecodedPacket(frame: segment)
    number += 1
    packet.number = number
    packet.timestamp = Timestamp(nanoseconds: now)
    packet.clock = packet.timestamp
    packet.payload = UnsafeRawPointer(segment) + 20 + options.count
    packet.capturedLength = UInt32(segmentLength)
    packet.wireLength = UInt32(segmentLength)
    packet.payloadLength = UInt32(length)
    packet.payloadWireLength = UInt32(length)
    packet.ipLength = UInt32(segmentLength) + 20
    packet.ipVersion = 4
    packet.timeToLive = extra >> 4
    packet.isAcceptable = control & 16 == 0
    if !packet.isAcceptable { packet.anomalies.insert(.tcpChecksumInvalid) }
    // Behind address translation where nothing else is done.
    let isTranslated = act & 15 == 8
    let ends = [IPAddress(v4: isTranslated ? 0xc000_0201 : 0x0a00_0001), IPAddress(v4: 0x0a00_0002)]
    let ports = [UInt16((isTranslated ? 2000 : 1000) + index), 80]
    packet.key = FlowKey(
      source: ends[sender], sourcePort: ports[sender], destination: ends[1 - sender],
      destinationPort: ports[1 - sender], protocolNumber: extra & 1 != 0 ? 17 : extra & 2 != 0 ? 1 : 6)
    packet.kind = extra & 1 != 0 ? .udp : extra & 2 != 0 ? .icmp : .tcp
    if packet.kind == .tcp {
      packet.sequence = sequence
      packet.acknowledgment = acknowledgment
      packet.flags = flags
      packet.window = traits & 0x80 != 0 ? 10 : 60_000
      packet.urgentPointer = UInt16(bytes.load8(at: 6))
      packet.tcpHeaderLength = UInt8(20 + options.count)
      givenBytes += UInt64(length)
      if distance == 0 {
        let control: UInt32 = (flags.contains(.syn) ? 1 : 0) &+ (flags.contains(.fin) ? 1 : 0)
        flows[index].sent[sender] &+= UInt32(length) &+ control
      }
    }
    burst.append(packet)
    acts.append(isTranslated ? 0 : act)
    memory.append(segment)
    if burst.count == burstLength { playBurst() }
  }

  private static func options(traits: UInt8, sequence: UInt32, tick: UInt32, extra: UInt8) -> [UInt8] {
    func bytes(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { [UInt8]($0) } }
    var options: [UInt8] = []
    if traits & 1 != 0 { options += [2, 4, 5, 0xb4, 3, 3, 7, 4, 2, 1, 1, 1] }
    if traits & 2 != 0 {
      let echo = [0, 1, 0x8000_0000, 0xffff_fff0 as UInt32][Int(extra >> 2 & 3)]
      options += [8, 10] + bytes(tick &+ 1000 &- echo) + bytes(echo) + [1, 1]
    }
    if traits & 4 != 0 { options += [19, 18] + [UInt8](repeating: 9, count: 16) + [1, 1] }
    if traits & 8 != 0, options.count <= 28 { options += [5, 10] + bytes(sequence) + bytes(sequence &+ 10) + [1, 1] }
    return options
  }

  /// As a worker does: all packets are prepared, then each is looked at.
  private mutating func playBurst() {
    let packets = UnsafeMutablePointer<DecodedPacket>.allocate(capacity: burst.count)
    let candidates = UnsafeMutablePointer<UInt32>.allocate(capacity: burst.count)
    defer {
      packets.deallocate()
      candidates.deallocate()
      for segment in memory { segment.deallocate() }
      memory.removeAll(keepingCapacity: true)
      burst.removeAll(keepingCapacity: true)
      acts.removeAll(keepingCapacity: true)
    }
    packets.initialize(from: burst, count: burst.count)
    if burst.count % 2 == 0, acts.allSatisfy({ $0 == 0 }) {
      return playAtOnce(PacketBurst(packets, count: burst.count, candidates: candidates))
    }
    tracker.prepare(packets, count: burst.count, candidates: candidates)
    for index in 0..<burst.count { play(packets + index, candidate: candidates[index], acts[index]) }
  }

  /// Both steps of each packet at once.
  private mutating func playAtOnce(_ burst: PacketBurst) {
    var burst = burst
    tracker.prepare(burst)
    while tracker.process(&burst, wanted: .all) {
      if burst.flow != 0 {
        live.insert(burst.flow)
        check(burst.flow)
      }
      drain()
    }
    drain()
  }

  private mutating func play(_ packet: UnsafeMutablePointer<DecodedPacket>, candidate: UInt32, _ act: UInt8) {
    tracker.advance(to: packet.pointee.clock)
    drain()
    let found = tracker.lookUp(packet, candidate: candidate)
    drain()
    switch found {
    case .flow(let flow, _):
      live.insert(flow)
      check(flow)
      tracker.send(packet)
      check(flow)
      // Only TCP has a receiver's stack to follow.
      if packet.pointee.kind == .tcp { interfere(packet, flow, act) } else { control(flow, act) }
    case .orphan, .none, .notSelected:
      break
    }
    drain()
  }

  /// Delivered bytes are readable, and follow each other but for gaps.
  mutating func check(_ flow: UInt32, from first: Int = 0) {
    for index in first..<tracker.events.count {
      let event = tracker.events[index]
      guard event.kind == .newData || event.kind == .gap else { continue }
      let side = Int(event.side.rawValue)
      if let next = expected[flow, default: [nil, nil]][side] {
        precondition(event.offset == next, "a stream went on at another offset than it had come to")
      }
      expected[flow, default: [nil, nil]][side] = event.offset &+ event.length
      guard event.kind == .newData else { continue }
      var length = 0
      tracker.forEachSpan(of: event) { span in
        if let base = span.baseAddress { touch(base, span.count) }
        length += span.count
      }
      precondition(length == Int(event.length), "newData has other bytes than it says")
    }
  }

  mutating func drain() {
    while true {
      let flow = tracker.takeEnded()
      if flow == 0 { break }
      precondition(tracker.record(flow).pointee.end != .none)
    }
    while true {
      let flow = tracker.takeReleased()
      if flow == 0 { break }
      expected[flow] = nil
      live.remove(flow)
      tracker.free(flow)
    }
  }

  mutating func finish() {
    if !burst.isEmpty { playBurst() }
    tracker.finish()
    drain()
    precondition(tracker.flowCount == 0, "flows remain at the end")
    precondition(live.isEmpty, "a flow was never released")
    let counted = tracker.statistics
    let sum =
      counted.deliveredBytes &+ counted.duplicateBytes &+ counted.rejectedBytes &+ counted.queuedBytes
      &+ counted.overflowBytes &+ counted.urgentBytes &+ counted.orphanBytes &+ counted.droppedBytes
      &+ counted.unassembledBytes
    precondition(sum == givenBytes, "\(givenBytes) payload bytes given, \(sum) accounted for: \(counted)")
  }
}
