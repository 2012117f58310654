import MOSCore
import TestSupport

@testable import Middleboxes

/// A connection that is just what a rule of contents describes.
struct RuleFlow {
  /// How the bytes are cut and in which order they come.
  enum Cut: CaseIterable {
    case whole, bytes, backwards, overlapping, repeated
  }

  let rule: IDSRule
  /// What is sent; nil where the contents have no common places.
  let payload: [UInt8]?
  let fromServer: Bool
  private var window: UInt16 = 8_192
  private var timeToLive: UInt8 = 64
  private let address: [UInt8]

  /// `number` tells its client from others.
  init(_ rule: IDSRule, number: Int) {
    self.rule = rule
    payload = RuleFlow.payload(of: rule)
    address = [10, 1 + UInt8(number >> 16), UInt8(number >> 8 & 255), UInt8(number & 255)]
    var fromServer = false
    for condition in rule.conditions {
      switch condition {
      case .flow(let flow): fromServer = flow.direction == .toClient
      case .field(.window, let match): window = UInt16(match.value)
      case .field(.timeToLive, let match): timeToLive = UInt8(match.value)
      default: break
      }
    }
    self.fromServer = fromServer
  }

  /// Whether segments by themselves are what the rule is about.
  var isAboutPackets: Bool {
    rule.conditions.contains { condition in
      if case .flow(let flow) = condition { return flow.stream == .no }
      return condition.packetKeyword != nil
    }
  }

  /// The connection's frames; `spoiled` with one byte changed of what is searched for first.
  func frames(_ cut: Cut, spoiled: Bool = false) -> [[UInt8]] {
    guard var bytes = payload else { return [] }
    if spoiled, let literal = rule.fastPattern.map({ LiteralDatabase.Literal($0, of: rule) }) {
      // Wherever it lies, and however often.
      while let place = RuleFlow.place(of: literal, in: bytes) { bytes[place] = bytes[place] == 0x7e ? 0x21 : 0x7e }
    }
    let header = rule.header
    let clientPorts = fromServer ? header.destinationPorts : header.sourcePorts
    let serverPorts = fromServer ? header.sourcePorts : header.destinationPorts
    var client = PacketBuilder()
    client.source = address
    let servers = fromServer ? header.source : header.destination
    client.destination = [10, 200, 0, 1]
    if !servers.isAny {
      let number = UInt32(truncatingIfNeeded: servers.ranges[0].first)
      client.destination = (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * UInt32($0))) }
    }
    client.sourcePort = clientPorts.isAny ? 40_000 : clientPorts.ranges[0].upperBound
    client.destinationPort = serverPorts.isAny ? 40_001 : serverPorts.ranges[0].lowerBound
    client.timeToLive = timeToLive
    var result: [[UInt8]] = []
    func send(_ sender: Side, _ flags: UInt16, _ sequence: UInt32, _ acknowledgment: UInt32, _ part: [UInt8] = []) {
      var builder = sender == .client ? client : client.reversed
      (builder.flags, builder.sequence, builder.acknowledgment) = (flags, sequence, acknowledgment)
      builder.payload = part
      builder.window = part.isEmpty ? 65_535 : window
      result.append(builder.tcpFrame)
    }
    send(.client, 0x02, 999, 0)
    send(.server, 0x12, 4_999, 1_000)
    send(.client, 0x10, 1_000, 5_000)
    let sender = fromServer ? Side.server : .client
    let (first, other): (UInt32, UInt32) = fromServer ? (5_000, 1_000) : (1_000, 5_000)
    for range in RuleFlow.ranges(cut, bytes.count) {
      send(sender, 0x18, first + UInt32(range.lowerBound), other, Array(bytes[range]))
    }
    let end = first + UInt32(bytes.count)
    send(sender.peer, 0x10, other, end)
    send(sender, 0x14, end, other)
    return result
  }

  private static func ranges(_ cut: Cut, _ count: Int) -> [Range<Int>] {
    let pieces = stride(from: 0, to: count, by: 7).map { $0..<min($0 + 7, count) }
    return switch cut {
    case .whole: [0..<count]
    case .bytes: (0..<count).map { $0..<$0 + 1 }
    case .backwards: pieces.reversed()
    case .overlapping: stride(from: 0, to: count, by: 5).map { $0..<min($0 + 11, count) }
    case .repeated: pieces.flatMap { [$0, $0] }
    }
  }

  private static func place(of literal: LiteralDatabase.Literal, in bytes: [UInt8]) -> Int? {
    var content = ContentMatch(bytes: literal.bytes)
    content.isCaseInsensitive = literal.isCaseInsensitive
    return bytes.withUnsafeBytes { ContentSearch(content).first(in: $0, from: 0, to: bytes.count) }
  }

  /// Contents at the first places that they may have, one behind the other.
  private static func payload(of rule: IDSRule) -> [UInt8]? {
    var bytes: [UInt8?] = []
    var previous = 0
    func literal(_ offset: RuleOffset?) -> Int? { if case .literal(let number)? = offset { Int(number) } else { nil } }
    for match in rule.buffers.flatMap(\.matches) {
      guard case .content(let content) = match, !content.isNegated else { continue }
      var first = literal(content.offset) ?? 0
      var last = Int.max
      if let depth = literal(content.depth) { last = first + depth - content.bytes.count }
      if content.isRelative {
        first = max(0, previous + (literal(content.distance) ?? 0))
        if let within = literal(content.within) { last = min(last, first + within - content.bytes.count) }
      } else if content.depth == nil, content.offset == nil {
        first = bytes.count
      }
      guard
        let place = (first...max(first, min(last, first + 2_000))).first(where: { place in
          place <= last
            && content.bytes.enumerated().allSatisfy { index, byte in
              let known = place + index < bytes.count ? bytes[place + index] : nil
              return known == nil || known == byte
            }
        })
      else { return nil }
      while bytes.count < place + content.bytes.count { bytes.append(nil) }
      for (index, byte) in content.bytes.enumerated() { bytes[place + index] = byte }
      previous = place + content.bytes.count
    }
    return bytes.map { $0 ?? 0x7c }
  }
}
