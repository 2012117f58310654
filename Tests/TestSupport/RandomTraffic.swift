import MOSCore

/// A small generator of pseudo-random numbers (SplitMix64), so that a failing seed can be run again.
package struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  package init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 0x1234_5678 }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }

  /// A number from `range`.
  package mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

  /// Whether something happens that does so once in `count` times.
  package mutating func once(in count: Int) -> Bool { number(1...count) == 1 }
}

/// A random connection as its two ends see it: what each sends, and packets in the order in which they were sent.
///
/// The receiving end acknowledges what it has in order, so that an acknowledgment is never sent before its data.
package struct RandomConnection {
  package var clientText: [UInt8]
  package var serverText: [UInt8]
  package var packets: [ScriptedSegment] = []
  private var generator: SeededGenerator
  private let clientISN: UInt32
  private let serverISN: UInt32
  private var sent: (client: Int, server: Int) = (0, 0)
  private var time = 0.0
  /// What the ends put on their SYNs: nothing, what Windows does, or what Linux does, with timestamps on all segments.
  private let style: Int

  /// With `timestampsGrow`, the segments in another order than they were sent in can look old to PAWS.
  package init(seed: UInt64, timestampsGrow: Bool = false) {
    self.timestampsGrow = timestampsGrow
    generator = SeededGenerator(seed: seed)
    style = generator.number(0...2)
    var source = generator
    func text(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &source) } }
    clientText = text(generator.number(0...6_000))
    serverText = text(generator.number(0...6_000))
    // Near the wrap now and then.
    clientISN = generator.once(in: 3) ? UInt32.max - UInt32(generator.number(0...5_000)) : UInt32.random(in: 0 ... .max)
    serverISN = generator.once(in: 3) ? UInt32.max - UInt32(generator.number(0...5_000)) : UInt32.random(in: 0 ... .max)
    build()
  }

  /// A segment of `text` from `offset`, with the acknowledgment of all that the peer has sent so far.
  private mutating func segment(from client: Bool, offset: Int, count: Int) -> ScriptedSegment {
    var result = ScriptedSegment()
    time += 0.001
    result.time = time
    result.sender = client ? .client : .server
    result.flags = [.ack]
    result.sequence = (client ? clientISN : serverISN) &+ 1 &+ UInt32(offset)
    result.acknowledgment = (client ? serverISN : clientISN) &+ 1 &+ UInt32(client ? sent.server : sent.client)
    result.payload = Array((client ? clientText : serverText)[offset..<offset + count])
    if style == 2 { result.options = [1, 1, 8, 10] + timestamps }
    return result
  }

  private let timestampsGrow: Bool

  /// TSval and TSecr.
  private var timestamps: [UInt8] {
    let value = timestampsGrow ? UInt32(time * 1_000) : 0
    return [0, UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255), 0, 0, 1, 0]
  }

  private var openingOptions: [UInt8] {
    switch style {
    case 0: []
    case 1: [2, 4, 5, 180, 1, 3, 3, 7, 1, 1, 4, 2]
    default: [2, 4, 5, 180, 4, 2, 8, 10] + timestamps + [1, 3, 3, 7]
    }
  }

  private mutating func build() {
    var syn = segment(from: true, offset: 0, count: 0)
    syn.flags = [.syn]
    syn.sequence = clientISN
    syn.acknowledgment = 0
    syn.options = openingOptions
    var answer = segment(from: false, offset: 0, count: 0)
    answer.flags = [.syn, .ack]
    answer.sequence = serverISN
    answer.options = openingOptions
    packets = [syn, answer, segment(from: true, offset: 0, count: 0)]
    while sent.client < clientText.count || sent.server < serverText.count {
      let client = sent.client == clientText.count ? false : sent.server == serverText.count || generator.once(in: 2)
      let offset = client ? sent.client : sent.server
      let count = min(
        generator.number(1...generator.number(1...1_460)), (client ? clientText : serverText).count - offset)
      packets.append(segment(from: client, offset: offset, count: count))
      if client { sent.client += count } else { sent.server += count }
      // The same bytes again, with other boundaries: an overlap that agrees.
      if generator.once(in: 8) {
        let end = client ? sent.client : sent.server
        let start = generator.number(max(0, end - 2_000)...end)
        packets.append(segment(from: client, offset: start, count: generator.number(0...end - start)))
      }
      if generator.once(in: 3) {
        packets.append(segment(from: !client, offset: client ? sent.server : sent.client, count: 0))
      }
    }
    packets.append(segment(from: true, offset: sent.client, count: 0))
    packets.append(segment(from: false, offset: sent.server, count: 0))
    appendClose()
  }

  private mutating func appendClose() {
    var fin = segment(from: true, offset: sent.client, count: 0)
    fin.flags = [.fin, .ack]
    var answer = segment(from: false, offset: sent.server, count: 0)
    answer.flags = [.fin, .ack]
    answer.acknowledgment &+= 1
    var last = segment(from: true, offset: sent.client, count: 0)
    last.sequence &+= 1
    last.acknowledgment &+= 1
    packets += [fin, answer, last]
  }

  /// The packets with neighbours exchanged, up to `distance` places away, the handshake and the close left in place.
  package func shuffled(distance: Int, _ generator: inout SeededGenerator) -> [ScriptedSegment] {
    let body = packets[3..<packets.count - 3]
    let order = body.indices.map { (index: $0, key: $0 * 2 + generator.number(0...distance * 2)) }
      .sorted { ($0.key, $0.index) < ($1.key, $1.index) }
    var result = Array(packets[..<3]) + order.map { packets[$0.index] } + Array(packets[(packets.count - 3)...])
    for index in result.indices { result[index].time = Double(index) * 0.001 }
    return result
  }
}

extension RandomConnection {
  /// Random connections side by side, some one after the other on the same ports, with SYNs of a flood between them.
  package static func traffic(seed: Int = 0) -> [ScriptedSegment] {
    var generator = SeededGenerator(seed: UInt64(5 + seed))
    var talks: [[ScriptedSegment]] = (0..<40).map { index in
      let port = UInt16(1_000 + index % 15)
      return RandomConnection(seed: UInt64(index + 40 * seed), timestampsGrow: true).packets.map { packet in
        var packet = packet
        packet.clientPort = port
        return packet
      }
    }
    var result: [ScriptedSegment] = []
    while !talks.isEmpty {
      let index = generator.number(0...talks.count - 1)
      // The rest of a connection in one go now and then, so that a burst sees the end and the reuse.
      for _ in 0..<(generator.once(in: 8) ? 30 : 1) where !talks[index].isEmpty {
        result.append(talks[index].removeFirst())
      }
      if talks[index].isEmpty { talks.remove(at: index) }
      if generator.once(in: 10) {
        var syn = ScriptedSegment()
        syn.flags = .syn
        syn.clientPort = UInt16(generator.number(20_000...60_000))
        result.append(syn)
      }
    }
    for index in result.indices { result[index].time = Double(index) * 0.01 }
    return result
  }
}
