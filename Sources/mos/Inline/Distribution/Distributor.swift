// Unsafe: owns room for a burst of frames and of packets.
import EventDSL
import MOSCore
import PacketIO

/// Takes frames from two ports that have one queue each, spreads them over workers by their flows, and sends what comes back.
///
/// Both directions of a flow go to the same worker, through one channel each, so their order stays.
struct Distributor<Port: PacketPort & ~Copyable>: ~Copyable {
  private(set) var first: Port
  private(set) var second: Port
  private var decoder: PacketDecoder
  private var clock = Timestamp(nanoseconds: .min)
  private let links: [WorkerLink]
  private let flowHash: FlowHash
  private let keyMask: UInt64
  /// The first worker's middleboxes are asked where packets go.
  private let advisers: [any Middlebox]
  private var fragments = WaitingFragments()
  /// What a worker has no room for passes to the other port.
  private let passesBy: Bool
  private let frames: UnsafeMutablePointer<CapturedFrame>
  private let packets: UnsafeMutablePointer<DecodedPacket>
  /// What passes by of a burst.
  private let passing: UnsafeMutablePointer<CapturedFrame>
  private var idle: IdleWait

  /// A distributor between `first` and `second` and the workers behind `links`, to be run where other threads need the core
  /// too if `sharesCore`. What a worker has no room for leaves at the other port if it `passesBy`, and is dropped if not.
  init(
    _ first: consuming Port, _ second: consuming Port, links: [WorkerLink], options: ReplayOptions,
    advisers: [any Middlebox], sharesCore: Bool = true, passesBy: Bool = false
  ) {
    self.first = first
    self.second = second
    self.links = links
    self.advisers = advisers
    self.passesBy = passesBy
    // Where a packet goes does not depend on whether it is damaged.
    var configuration = options.decoder
    configuration.verifyChecksums = false
    decoder = PacketDecoder(configuration: configuration)
    flowHash = options.tracker.secret.map(FlowHash.init(secret:)) ?? .random()
    keyMask = options.tracker.distinguishesVLANs ? ~0 : ~0xffff_ff00
    frames = .allocate(capacity: FlowWorker.burst)
    packets = .allocate(capacity: FlowWorker.burst)
    passing = .allocate(capacity: FlowWorker.burst)
    idle = IdleWait(sharesCore: sharesCore)
  }

  deinit {
    frames.deallocate()
    packets.deallocate()
    passing.deallocate()
  }

  /// Works until `isEnding`, hands on what has come in by then, says so (`drained`), and goes on sending until the workers
  /// `areDone`.
  mutating func run(until isEnding: () -> Bool, drained: () -> Void, areDone: () -> Bool) {
    while !isEnding() {
      if breathe() { idle.note() } else { _ = idle.wait() }
    }
    for _ in 0..<1_024 where takeIn() == 0 { break }
    expire(at: .max)
    for link in links { for channel in link.inward { channel.flush() } }
    drained()
    while !areDone() {
      if !send() { _ = idle.wait() }
    }
    while send() {}
  }

  /// One round. Returns whether there was, or still is, something to do.
  mutating func breathe() -> Bool {
    var isBusy = takeIn() > 0
    for link in links { for channel in link.inward where channel.offer() { isBusy = true } }
    if send() { isBusy = true }
    if !fragments.isEmpty { expire(at: IdleWait.now) }
    return isBusy
  }

  private mutating func takeIn() -> Int {
    let fromFirst = first.receive(into: frames, capacity: FlowWorker.burst)
    if fromFirst > 0 { _ = second.send(passing, count: distribute(fromFirst, from: 0)) }
    let fromSecond = second.receive(into: frames, capacity: FlowWorker.burst)
    if fromSecond > 0 { _ = first.send(passing, count: distribute(fromSecond, from: 1)) }
    return fromFirst + fromSecond
  }

  /// Hands frames to their workers. Returns how many are to pass by, in `passing`.
  private mutating func distribute(_ count: Int, from port: Int) -> Int {
    var passed = 0
    decoder.beginBurst()
    decoder.decode(frames, count: count, number: 1, clock: &clock, into: packets)
    for index in 0..<count {
      let packet = UnsafePointer(packets + index)
      if packet.pointee.kind == .fragment {
        fragments.add(frames[index], of: .init(packet, ingress: port), at: IdleWait.now)
        continue
      }
      let worker = worker(of: packet)
      let channel = links[worker].inward[port]
      if packet.pointee.isReassembled, !fragments.isEmpty {
        for entry in fragments.take(.init(packet, ingress: port)) { put(entry, worker: worker) }
      }
      if !channel.put(frames[index], passesBy: passesBy), passesBy {
        (passing + passed).initialize(to: frames[index])
        passed += 1
      }
    }
    return passed
  }

  private mutating func expire(at now: Int64) {
    // Nobody knows whose they are.
    for entry in fragments.takeExpired(at: now) { put(entry, worker: 0) }
  }

  /// Hands on a fragment that waited, and frees it.
  private mutating func put(_ entry: WaitingFragments.Entry, worker: Int) {
    let ingress = entry.datagram.ingress
    if !links[worker].inward[ingress].put(entry.frame, passesBy: passesBy), passesBy {
      withUnsafePointer(to: entry.frame) { _ = ingress == 0 ? second.send($0, count: 1) : first.send($0, count: 1) }
    }
    entry.frame.bytes.deallocate()
  }

  private func worker(of packet: UnsafePointer<DecodedPacket>) -> Int {
    guard packet.pointee.kind.rawValue <= PacketKind.icmpv6.rawValue else { return 0 }
    for box in advisers {
      if let worker = box.worker(of: packet, among: links.count) { return min(max(worker, 0), links.count - 1) }
    }
    var key = packet.pointee.key
    key.rest &= keyMask
    // Other bits than those that the workers' tables use.
    return Int(((flowHash.hash(key) & 0xffff) &* UInt64(links.count)) >> 16)
  }

  /// Sends what the workers have for the ports. Returns whether there was something.
  private mutating func send() -> Bool {
    var isBusy = false
    for link in links {
      while let batch = link.outward[0].take() {
        _ = first.send(batch.frames, count: batch.count)
        link.outward[0].giveBack(batch)
        isBusy = true
      }
      while let batch = link.outward[1].take() {
        _ = second.send(batch.frames, count: batch.count)
        link.outward[1].giveBack(batch)
        isBusy = true
      }
    }
    return isBusy
  }
}
