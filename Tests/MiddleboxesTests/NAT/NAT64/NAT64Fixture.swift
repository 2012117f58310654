import TestSupport
import Testing

/// An IPv6 host behind a NAT64, 2001:db8::1, which is 198.51.100.64 outside, and one that it speaks to, 203.0.113.1.
protocol NAT64Suite {}

extension NAT64Suite {
  static var host: [UInt8] { PacketBuilder.v6Source }
  static var other: [UInt8] { PacketBuilder.v6Destination }

  /// An IPv4 address as one of 64:ff9b::/96.
  static func embedded(_ address: [UInt8]) -> [UInt8] {
    [0, 0x64, 0xff, 0x9b] + [UInt8](repeating: 0, count: 8) + address
  }

  func net(_ more: String = "") throws -> NATFixture {
    try NATFixture("nat64: {prefix: \"64:ff9b::/96\", pool: 198.51.100.64}\n\(more)")
  }

  /// What a host sends, and what leaves; the same reversed for the answer.
  func pair(
    _ port: UInt16 = 5_000, payload: [UInt8] = Array("abc".utf8), external: UInt16 = 5_000
  ) -> (six: PacketBuilder, four: PacketBuilder) {
    var four = PacketBuilder(payload: payload)
    (four.source, four.sourcePort) = ([198, 51, 100, 64], external)
    (four.destination, four.destinationPort) = ([203, 0, 113, 1], 53)
    var six = four
    (six.source, six.sourcePort) = (Self.host, port)
    six.destination = Self.embedded(four.destination)
    return (six, four)
  }

  /// With the identification that was chosen, and one hop less.
  func behind(_ builder: PacketBuilder, _ frame: [UInt8]?) -> PacketBuilder {
    var builder = builder
    builder.timeToLive -= 1
    if let frame, !builder.isV6 { builder.identification = UInt16(frame[18]) << 8 | UInt16(frame[19]) }
    return builder
  }

  func sendUDP(_ net: NATFixture) throws {
    let (six, four) = pair()
    let left = net.send(six.udpFrame)
    let expected = behind(four, left.first)
    #expect(left == [expected.ethernet(expected.ip(17, expected.datagram, fragment: 0))])
  }
}
