import MOSCore

/// Segments that no stack would send in this order, on few 4-tuples, so that they meet each other.
package enum RandomSegments {
  /// What was sent last on a 4-tuple, so that random numbers come near to those that count.
  private struct Talk {
    var next: [UInt32]
    var window: UInt32 = 1_000
  }

  private static let options: [[UInt8]] = [
    [], [], [], [2, 4, 5, 180], [3, 3, 7, 1], [3, 3, 15, 1], [4, 2, 1, 1], [1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 1],
    [1, 1, 8, 10, 255, 255, 255, 240, 0, 0, 0, 1], [1, 1, 8, 10, 0, 0, 0, 200, 0, 0, 0, 1],
    [19, 18] + [UInt8](repeating: 1, count: 16), [99, 0, 0, 0], [99, 200, 0, 0], [34, 10, 1, 2, 3, 4, 5, 6, 7, 8],
    [5, 10, 0, 0, 0, 1, 0, 0, 0, 9], [2, 4, 5, 180, 1, 3, 3, 7, 1, 1, 4, 2],
    [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 1, 1, 3, 3, 7],
  ]

  private static func flags(_ generator: inout SeededGenerator) -> TCPFlags {
    switch generator.number(0...19) {
    case 0...9: [.ack]
    case 10: [.ack, .psh]
    case 11, 12: [.syn]
    case 13, 14: [.syn, .ack]
    case 15: [.fin, .ack]
    case 16: generator.once(in: 3) ? [.rst] : [.ack]
    case 17: generator.once(in: 3) ? [.rst, .ack] : [.ack]
    case 18: [.ack, .urg]
    default: TCPFlags(rawValue: UInt16(generator.number(0...0xfff)))
    }
  }

  private static func distance(_ generator: inout SeededGenerator) -> UInt32 {
    switch generator.number(0...11) {
    case 0...5: 0
    case 6: 1
    case 7: UInt32(bitPattern: -1)
    case 8: UInt32(generator.number(0...3_000))
    case 9: UInt32(bitPattern: Int32(-generator.number(0...3_000)))
    case 10: [65_535, 65_536, 1 << 20, 1 << 30, 1 << 31, UInt32(bitPattern: -(1 << 30))][generator.number(0...5)]
    default: UInt32.random(in: 0 ... .max, using: &generator)
    }
  }

  private static func segment(
    _ talk: inout Talk, plain: Bool, _ generator: inout SeededGenerator
  ) -> ScriptedSegment {
    var segment = ScriptedSegment()
    let isServer = generator.once(in: 2)
    let own = isServer ? 1 : 0
    segment.sender = isServer ? .server : .client
    segment.flags = flags(&generator)
    let isNear = plain && !generator.once(in: 6)
    segment.sequence = talk.next[own] &+ (isNear ? 0 : distance(&generator))
    segment.acknowledgment = talk.next[1 - own] &+ (isNear ? 0 : distance(&generator))
    segment.window = [0, 1, 1_000, 65_535][generator.number(0...3)]
    segment.urgentPointer = UInt16(generator.number(0...20))
    segment.timeToLive = !plain && generator.once(in: 10) ? 3 : 64
    if !plain {
      segment.options = options[generator.number(0...options.count - 1)]
    } else if segment.flags.contains(.syn) {
      segment.options = options[options.count - 2]
    }
    if !generator.once(in: 3) {
      segment.payload = [UInt8](
        repeating: UInt8(generator.number(0...255)),
        count: generator.number(0...[1, 20, 1_460][generator.number(0...2)]))
    }
    if generator.once(in: 20) { segment.missingPayload = UInt32(generator.number(0...2_000)) }
    if generator.once(in: 30) {
      segment.isAcceptable = false
      segment.anomalies.insert(.tcpChecksumInvalid)
    }
    if generator.once(in: 50) { segment.kind = .udp }
    if !generator.once(in: 6) {
      talk.next[own] =
        segment.sequence &+ UInt32(segment.payload.count) &+ (segment.flags.contains(.syn) ? 1 : 0)
        &+ (segment.flags.contains(.fin) ? 1 : 0)
    }
    return segment
  }

  /// `count` segments on 50 4-tuples, with leaps in time. `plain` ones have no options, and are mostly in order.
  package static func make(count: Int, plain: Bool, _ generator: inout SeededGenerator) -> [ScriptedSegment] {
    var talks = (0..<50).map { _ in
      Talk(next: [UInt32.random(in: 0 ... .max, using: &generator), UInt32.random(in: 0 ... .max, using: &generator)])
    }
    var time = 0.0
    return (0..<count).map { _ in
      let index = generator.number(0...49)
      var segment = segment(&talks[index], plain: plain, &generator)
      segment.clientPort = UInt16(1_000 + index)
      switch generator.number(0...999) {
      case 0: time += 30
      case 1: time += 8_000
      case 2: time -= 5
      default: time += 0.01
      }
      segment.time = time
      return segment
    }
  }
}
