import MOSCore
import TestSupport
import Testing

@Suite("Changes of ICMP messages")
struct PacketEditorICMPTests {
  private let query = PacketBuilder(payload: [1, 2, 3])

  @Test("Addresses, identifier and payload of an echo request, over IPv4 and IPv6", arguments: [false, true])
  func echo(isV6: Bool) {
    let builder = isV6 ? query.v6 : query
    let message = builder.icmp(type: isV6 ? 128 : 8)
    let fixture = EditorFixture(builder.ethernet(builder.ip(isV6 ? 58 : 1, message)))
    #expect(fixture.outcome == .done)
    #expect(fixture.editor.setSource(isV6 ? IPAddress(high: 5, low: 9) : IPAddress(v4: 0xc000_0201)) == .done)
    #expect(fixture.isValid() && fixture.descriptionIsThatOfTheFrame())
    #expect(fixture.editor.setICMPIdentifier(0xfedc) == .done && fixture.isValid())
    #expect(Array(fixture.frame[(fixture.frame.count - 7)..<(fixture.frame.count - 5)]) == [0xfe, 0xdc])
    #expect(fixture.overwrite(at: 1, with: [9, 9]) == .done && fixture.isValid())
    #expect(fixture.insert(at: 1, [7, 7, 7]) == .done && fixture.isValid() && fixture.descriptionIsThatOfTheFrame())
    #expect(fixture.payload == [1, 7, 7, 7, 9, 9])
  }

  @Test("An ICMP message has no ports and no sequence number")
  func refusals() {
    let fixture = EditorFixture(query.ethernet(query.ip(1, query.icmp(type: 8))))
    let before = fixture.state
    #expect(fixture.editor.setSourcePort(1) == .notSupported)
    #expect(fixture.editor.setDestination(IPAddress(v4: 1), port: 2) == .notSupported)
    #expect(fixture.editor.setSequence(1) == .notTCP)
    #expect(fixture.editor.setQuotedSource(IPAddress(v4: 1), port: 1) == .malformed)
    #expect(fixture.state == before)
    let unreachable = EditorFixture(query.ethernet(query.ip(1, query.icmp(type: 3))))
    #expect(unreachable.editor.setICMPIdentifier(1) == .notSupported)
  }

  /// What the sender of `original` gets told of it: type 3 with the first `count` bytes of the packet.
  private func error(about original: [UInt8], count: Int) -> [UInt8] {
    let router = PacketBuilder(payload: Array(original.prefix(count)))
    return router.ethernet(router.ip(1, router.icmp(type: 3, code: 1)))
  }

  @Test("A quoted packet is what it would be if it had been sent so", arguments: [6, 17, 1] as [UInt8], [28, 64])
  func quotation(number: UInt8, count: Int) {
    var sent = PacketBuilder(payload: [5, 6, 7, 8, 9])
    func packet(_ builder: PacketBuilder, identifier: UInt16) -> [UInt8] {
      switch number {
      case 6: return builder.tcp
      case 17: return builder.udp
      default:
        var message = builder.icmp(type: 8)
        message.replaceSubrange(2..<6, with: [0, 0] + be(identifier))
        message.replaceSubrange(2..<4, with: be(internetChecksum(message)))
        return builder.ip(1, message)
      }
    }
    let fixture = EditorFixture(error(about: packet(sent, identifier: 1), count: count))
    #expect(fixture.outcome == .done)
    #expect(fixture.editor.setQuotedSource(IPAddress(v4: 0xc000_0207), port: 61_001) == .done)
    #expect(fixture.isValid())
    sent.source = [192, 0, 2, 7]
    sent.sourcePort = 61_001
    #expect(fixture.payload == Array(packet(sent, identifier: 61_001).prefix(count)))
    #expect(fixture.editor.setQuotedDestination(IPAddress(v4: 0x0a00_0063), port: 99) == .done)
    #expect(fixture.isValid())
    sent.destination = [10, 0, 0, 99]
    sent.destinationPort = 99
    #expect(fixture.payload == Array(packet(sent, identifier: 99).prefix(count)))
  }

  @Test("A quoted UDP datagram without a checksum stays so")
  func noChecksum() {
    var sent = PacketBuilder(payload: [5])
    sent.udpChecksum = 0
    let fixture = EditorFixture(error(about: sent.udp, count: 28))
    #expect(fixture.editor.setQuotedSource(IPAddress(v4: 0xc000_0207), port: 61_001) == .done)
    #expect(fixture.isValid() && fixture.payload[26...27] == [0, 0])
  }

  @Test("A quotation that does not reach to the ports, and one of a later fragment, are refused")
  func shortQuotation() {
    let sent = PacketBuilder(payload: [UInt8](repeating: 1, count: 64))
    for packet in [
      Array(sent.udp.prefix(27)), sent.fragments(17, sent.datagram, size: 32)[1], sent.ip(47, sent.payload),
    ] {
      let fixture = EditorFixture(error(about: packet, count: 64))
      let before = fixture.state
      #expect(fixture.editor.setQuotedSource(IPAddress(v4: 1), port: 1) != .done)
      #expect(fixture.state == before)
    }
  }
}

@Suite("Address and port at once")
struct PacketEditorEndTests {
  @Test("They come out as one after the other", arguments: [false, true], [false, true])
  func sameAsSeparate(isV6: Bool, isTCP: Bool) {
    let builder = isV6 ? PacketBuilder(payload: [1, 2, 3]).v6 : PacketBuilder(payload: [1, 2, 3])
    let frame = isTCP ? builder.tcpFrame : builder.udpFrame
    for word in stride(from: 0, to: 0xffff, by: 769) {
      let address = isV6 ? IPAddress(high: UInt64(word), low: 77) : IPAddress(v4: UInt32(word) << 12 | 3)
      let (once, twice) = (EditorFixture(frame), EditorFixture(frame))
      #expect(once.editor.setSource(address, port: UInt16(word)) == .done)
      #expect(once.editor.setDestination(address, port: ~UInt16(word)) == .done)
      _ = (twice.editor.setSource(address), twice.editor.setSourcePort(UInt16(word)))
      _ = (twice.editor.setDestination(address), twice.editor.setDestinationPort(~UInt16(word)))
      #expect(once.isValid() && once.frame == twice.frame)
    }
  }
}
