import MOSCore
import PacketIO
import TestSupport
import Testing

@testable import mos

/// What a test puts on a port's wire, and what left there.
private final class Wire {
  var waiting: [[UInt8]] = []
  var sent: [[UInt8]] = []
  var memory: [UnsafeMutableRawPointer] = []

  deinit { for place in memory { place.deallocate() } }
}

private struct WirePort: PacketPort, ~Copyable {
  let wire: Wire
  var statistics = PortStatistics()

  mutating func receive(into frames: UnsafeMutablePointer<CapturedFrame>, capacity: Int) -> Int {
    let burst = wire.waiting.prefix(capacity)
    wire.waiting.removeFirst(burst.count)
    for (index, bytes) in burst.enumerated() {
      let place = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 1)
      wire.memory.append(place)
      bytes.withUnsafeBytes { place.copyMemory(from: $0.baseAddress!, byteCount: bytes.count) }
      let length = UInt32(bytes.count)
      (frames + index).initialize(
        to: CapturedFrame(
          bytes: place, capturedLength: length, wireLength: length, timestamp: Timestamp(nanoseconds: 0),
          linkType: .ethernet))
    }
    return burst.count
  }

  mutating func send(_ frames: UnsafePointer<CapturedFrame>, count: Int) -> Int {
    for index in 0..<count { wire.sent.append(bytes(frames[index])) }
    return count
  }
}

private func bytes(_ frame: CapturedFrame) -> [UInt8] {
  [UInt8](UnsafeRawBufferPointer(start: frame.bytes, count: Int(frame.capturedLength)))
}

@Suite("packets are spread over workers")
struct DistributorTests {
  private let wires = [Wire(), Wire()]
  private let links = (0..<4).map { _ in WorkerLink() }

  private func distributor(passesBy: Bool = false) -> Distributor<WirePort> {
    var options = ReplayOptions()
    options.tracker.secret = (1, 2)
    return Distributor(
      WirePort(wire: wires[0]), WirePort(wire: wires[1]), links: links, options: options, advisers: [],
      passesBy: passesBy)
  }

  /// What has come for a worker at a port.
  private func arrived(worker: Int, port: Int) -> [[UInt8]] {
    var frames: [[UInt8]] = []
    while let batch = links[worker].inward[port].take() {
      frames += (0..<batch.count).map { bytes(batch.frames[$0]) }
      links[worker].inward[port].giveBack(batch)
    }
    return frames
  }

  private func flow(_ number: Int) -> PacketBuilder {
    var builder = PacketBuilder()
    builder.sourcePort = UInt16(20_000 + number)
    return number % 3 == 0 ? builder.v6 : builder
  }

  private func segment(_ builder: PacketBuilder, _ number: Int) -> [UInt8] {
    var builder = builder
    builder.payload = [UInt8(number)]
    return builder.ethernet(builder.ip(6, builder.segment))
  }

  @Test("both directions of a flow come to one worker, each in its order, and several workers have flows")
  func flows() {
    var distributor = distributor()
    let flows = (0..<60).map(flow)
    for number in 0..<5 {
      for flow in flows {
        wires[0].waiting.append(segment(flow, number))
        wires[1].waiting.append(segment(flow.reversed, number))
      }
    }
    var arrivals = [[[[UInt8]]]](repeating: [[], []], count: links.count)
    while distributor.breathe() {
      for worker in links.indices {
        for port in 0..<2 { arrivals[worker][port] += arrived(worker: worker, port: port) }
      }
    }
    #expect(arrivals.allSatisfy { $0[0].count >= 25 })
    #expect(arrivals.map { $0[0].count }.reduce(0, +) == 300)
    for flow in flows {
      let there = (0..<5).map { segment(flow, $0) }
      let back = (0..<5).map { segment(flow.reversed, $0) }
      let workers = links.indices.filter { arrivals[$0][0].contains(there[0]) }
      #expect(workers.count == 1)
      #expect(arrivals[workers[0]][0].filter(there.contains) == there)
      #expect(arrivals[workers[0]][1].filter(back.contains) == back)
    }
  }

  @Test(
    "fragments go to the worker of their flow when the datagram is whole, also in reverse order",
    arguments: [false, true])
  func fragments(isReversed: Bool) {
    for number in 0..<12 {
      var distributor = distributor()
      var builder = flow(number)
      builder.payload = [1]
      let whole = builder.ethernet(builder.ip(17, builder.datagram))
      builder.payload = [UInt8](repeating: 7, count: 3_000)
      let pieces =
        builder.isV6
        ? builder.v6Fragments(17, builder.datagram, size: 1_000) : builder.fragments(17, builder.datagram, size: 1_000)
      var frames = pieces.map { builder.ethernet($0) }
      if isReversed { frames.reverse() }
      #expect(frames.count >= 3)
      wires[0].waiting = [whole] + frames.dropLast()
      while distributor.breathe() && !wires[0].waiting.isEmpty {}
      let first = links.indices.map { arrived(worker: $0, port: 0) }
      #expect(first.joined().map { $0 } == [whole])
      wires[0].waiting = [frames.last!]
      _ = distributor.breathe()
      let rest = links.indices.map { arrived(worker: $0, port: 0) }
      #expect(rest == first.map { $0.isEmpty ? [] : frames })
    }
  }

  @Test("fragments of a datagram that never is whole are passed on after a while")
  func incomplete() {
    var waiting = WaitingFragments()
    let bytes: [UInt8] = [1, 2, 3]
    bytes.withUnsafeBytes { memory in
      var packet = DecodedPacket(frame: memory.baseAddress!)
      let frame = CapturedFrame(
        bytes: memory.baseAddress!, capturedLength: 3, wireLength: 3, timestamp: Timestamp(nanoseconds: 0),
        linkType: .ethernet)
      for ingress in 0..<2 { waiting.add(frame, of: .init(&packet, ingress: ingress), at: Int64(ingress) * 1_000) }
    }
    func released(at time: Int64) -> [Int] {
      waiting.takeExpired(at: time).map { entry in
        entry.frame.bytes.deallocate()
        return entry.datagram.ingress
      }
    }
    #expect(released(at: WaitingFragments.patience) == [])
    #expect(released(at: WaitingFragments.patience + 1) == [0])
    #expect(released(at: .max) == [1] && waiting.isEmpty)
  }

  @Test("what finds no room before a worker that takes nothing is dropped and counted, and others go on")
  func overload() {
    var distributor = distributor()
    let busy = flow(1)
    for number in 0..<10_000 { wires[0].waiting.append(segment(busy, number % 256)) }
    while !wires[0].waiting.isEmpty { _ = distributor.breathe() }
    let worker = links.indices.first { links[$0].inward[0].dropped > 0 }!
    for link in links { link.inward[0].flush() }
    let dropped = links[worker].inward[0].dropped
    let others = (2..<30).map(flow)
    wires[0].waiting = others.map { segment($0, 0) }
    _ = distributor.breathe()
    _ = distributor.breathe()
    let counts = links.indices.map { arrived(worker: $0, port: 0).count }
    let drops = links.map { $0.inward[0].dropped }
    #expect(drops.enumerated().allSatisfy { $0.offset == worker || $0.element == 0 })
    #expect(counts[worker] + Int(dropped) == 10_000 && counts[worker] >= 2_000)
    #expect(counts.reduce(0, +) + Int(drops.reduce(0, +)) == 10_028)
  }

  @Test("where it is to pass, what finds no room leaves at the other port without handlers, in order, and is counted")
  func passingBy() {
    var distributor = distributor(passesBy: true)
    let busy = flow(1)
    var sent = (0..<10_000).map { segment(busy, $0 % 256) }
    wires[0].waiting = sent
    while !wires[0].waiting.isEmpty { _ = distributor.breathe() }
    let worker = links.indices.first { links[$0].inward[0].bypassed > 0 }!
    for link in links { link.inward[0].flush() }
    let taken = arrived(worker: worker, port: 0)
    #expect(taken.count + wires[1].sent.count == 10_000 && taken == Array(sent.prefix(taken.count)))
    #expect(wires[1].sent == Array(sent.dropFirst(taken.count)) && wires[0].sent.isEmpty)
    #expect(links[worker].inward[0].bypassed == UInt64(wires[1].sent.count))
    #expect(links.allSatisfy { $0.inward[0].dropped == 0 })
    // The worker has room again: the flow goes back to it.
    wires[1].sent = []
    sent = [segment(busy, 1)]
    wires[0].waiting = sent
    _ = distributor.breathe()
    _ = distributor.breathe()
    #expect(arrived(worker: worker, port: 0) == sent && wires[1].sent.isEmpty)
  }

  @Test("fragments that find no room pass too")
  func passingFragments() {
    var distributor = distributor(passesBy: true)
    var builder = flow(1)
    builder.payload = [UInt8](repeating: 7, count: 3_000)
    let pieces = builder.fragments(17, builder.datagram, size: 1_000).map { builder.ethernet($0) }
    builder.payload = [1]
    let small = builder.ethernet(builder.ip(17, builder.datagram))
    wires[1].waiting = [[UInt8]](repeating: small, count: 5_000)
    while !wires[1].waiting.isEmpty { _ = distributor.breathe() }
    wires[0].sent = []
    wires[1].waiting = pieces
    _ = distributor.breathe()
    #expect(wires[0].sent.sorted { $0.count < $1.count } == pieces.sorted { $0.count < $1.count } && pieces.count > 2)
  }

  @Test("what workers send leaves at its port, in the order of each worker")
  func output() {
    var distributor = distributor()
    var taken = 0
    var port = RingPort(links[2], port: 1)
    var source = WirePort(wire: Wire())
    source.wire.waiting = (0..<100).map { segment(flow(1), $0) }
    let expected = source.wire.waiting
    withUnsafeTemporaryAllocation(of: CapturedFrame.self, capacity: 32) { frames in
      while case let count = source.receive(into: frames.baseAddress!, capacity: 32), count > 0 {
        taken += port.send(frames.baseAddress!, count: count)
      }
    }
    port.flush()
    _ = distributor.breathe()
    #expect(taken == 100 && port.statistics.sent.frames == 100)
    #expect(wires[1].sent == expected && wires[0].sent.isEmpty)
  }
}
