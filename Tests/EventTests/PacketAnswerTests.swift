import DualStackTracker
import EventDSL
import EventSupport
import TestSupport
import Testing

/// Drops what a side sent, and answers it; everything, where no side is named.
private struct Answering<Kind>: Middlebox {
  var event: BuiltIn<Kind>
  var hook: Hook?
  var side: Side?
  var answer: (borrowing PacketControl) -> Bool = {
    $0.answer(.administrativelyProhibited, from: IPAddress(v4: 0xc000_0201))
  }

  var events: some EventGraph {
    Filter(event, at: hook) { event, packet in
      if let side, event.sender != side { return }
      if !answer(packet) { event.report("not sent") }
      packet.drop()
    }
  }
}

/// Gives what clients send another source, and takes it back out of what is answered: a translation of addresses.
private struct Translating: Middlebox {
  static let inside = IPAddress(v4: 0x0a00_0001)
  static let outside = IPAddress(v4: 0x0a00_0009)

  var events: some EventGraph {
    Filter(.packet) { event, packet in
      let view = event.packet!
      if view.isICMPError {
        event.report("error from the \(event.sender)")
        _ = packet.setQuotedSource(Self.inside, port: view.quotedEnds!.sourcePort)
        _ = packet.setDestination(Self.inside)
      } else if view.key.source == Self.inside {
        _ = packet.setSource(Self.outside)
      }
    }
  }
}

private struct Dropping: Middlebox {
  var events: some EventGraph {
    Filter(.packet) { event, packet in
      if event.packet!.isICMPError { packet.drop() }
    }
  }
}

@Suite("Answers to packets, of a flow or not")
struct PacketAnswerTests {
  private let router: [UInt8] = [192, 0, 2, 1]

  private func back(_ packet: [UInt8]) -> [UInt8] { PacketBuilder.returned(packet) }

  private func prohibited(_ packet: [UInt8]) -> [UInt8] {
    back(PacketBuilder.error(type: 3, code: 13, from: router, about: packet))
  }

  private func expectAnswer(
    to frame: [UInt8], _ middlebox: some Middlebox, _ expected: [UInt8],
    _ configure: (inout TrackerConfiguration) -> Void = { _ in }
  ) throws {
    for inPlace in [false, true] {
      var script = try EventScript([middlebox], burst: 1, configure)
      script.engine.changesFramesInPlace = inPlace
      #expect(script.play(frames: [frame]).isEmpty)
      #expect(script.output.map(\.bytes) == [expected])
      #expect(script.output.allSatisfy { $0.isReturned && $0.isAcceptable })
      #expect(script.engine.statistics.injected == 1 && script.engine.statistics.dropped == 1)
    }
  }

  @Test("An ICMP error goes back to where the packet came from, in any event of a packet")
  func events() throws {
    let builder = PacketBuilder(payload: [1, 2, 3])
    let expected = prohibited(builder.udp)
    try expectAnswer(to: builder.udpFrame, Answering(event: .frame), expected)
    try expectAnswer(to: builder.udpFrame, Answering(event: .unknownFrame), expected)
    try expectAnswer(to: builder.udpFrame, Answering(event: .packet), expected)
    try expectAnswer(to: builder.udpFrame, Answering(event: .packet, hook: .receiver), expected)
    try expectAnswer(to: builder.tcpFrame, Answering(event: .orphan), prohibited(builder.tcp)) {
      $0.midstream = false
    }
    let other = builder.ip(132, [UInt8](repeating: 7, count: 40))
    try expectAnswer(to: builder.ethernet(other), Answering(event: .frame), prohibited(other))
  }

  @Test("It goes whether the packet passes or not, behind it, and is no packet that handlers answer again")
  func behindPacket() throws {
    struct Telling: Middlebox {
      var events: some EventGraph {
        Filter(.packet) { event, packet in
          let isSent = packet.answer(.timeExceeded, from: IPAddress(v4: 0xc000_0201))
          event.report("\(event.packet!.kind) \(isSent)")
        }
      }
    }
    let builder = PacketBuilder(payload: [1])
    var script = try EventScript(Telling(), Telling())
    // Both of them; what the second one sends passes the first one, which hears of it.
    #expect(script.play(frames: [builder.udpFrame]) == ["udp true", "udp true", "icmp false"])
    let error = back(PacketBuilder.error(type: 11, code: 0, from: router, about: builder.udp))
    #expect(script.output.map(\.bytes) == [builder.udpFrame, error, error])
  }

  @Test("It passes the middleboxes that the packet has passed, back, and what they changed is as it was")
  func way() throws {
    var builder = PacketBuilder(payload: [1, 2, 3])
    var script = try EventScript(Translating(), Answering(event: .packet, side: .client))
    #expect(script.play(frames: [builder.udpFrame]) == ["error from the client"])
    var seen = builder
    seen.source = [10, 0, 0, 9]
    // The translation does not reach the quoted UDP checksum where that is not asked for, and the quoted header is whole.
    #expect(script.output.map { Array($0.bytes[30..<34]) } == [[10, 0, 0, 1]])
    #expect(script.output.map { Array($0.bytes[54..<58]) } == [[10, 0, 0, 1]])
    #expect(script.output.allSatisfy { $0.isAcceptable && $0.isReturned })
    // From the other side nothing lies between.
    builder = builder.reversed
    var other = try EventScript(Translating(), Answering(event: .packet, side: .server))
    other.play(frames: [builder.reversed.udpFrame])
    #expect(other.play(frames: [builder.udpFrame]).isEmpty)
    #expect(other.output.last?.bytes == prohibited(builder.udp))
  }

  @Test("A middlebox on its way can drop it, which is counted")
  func dropped() throws {
    var script = try EventScript(Dropping(), Answering(event: .packet))
    script.play(frames: [PacketBuilder(payload: [1]).udpFrame])
    #expect(script.output.isEmpty)
    #expect(script.engine.statistics.injected == 1 && script.engine.statistics.injectedDropped == 1)
  }

  @Test("A host gets ten at once and ten a second, whatever it sends, and others theirs")
  func hostLimit() throws {
    var script = try EventScript(Answering(event: .frame))
    let builder = PacketBuilder(payload: [1])
    // One a millisecond: ten, and one more as soon as a tenth of a second is over.
    script.play(frames: (0..<200).map { _ in builder.udpFrame })
    #expect(script.output.count == 11)
    var other = builder
    other.source = [10, 0, 0, 77]
    #expect(script.play(frames: [other.udpFrame], start: 0.2).isEmpty)
    script.play(frames: (0..<200).map { _ in builder.udpFrame }, start: 10)
    #expect(script.output.count == 12 + 11)
  }

  @Test("All hosts together get fifty at once and a thousand a second")
  func wholeLimit() throws {
    var script = try EventScript(Answering(event: .frame))
    script.play(
      frames: (0..<600).map { number in
        var builder = PacketBuilder(payload: [1])
        builder.source = [10, 1] + be(UInt16(number / 3))
        return builder.udpFrame
      })
    // Each host three times, and all 600 within 600 milliseconds.
    #expect(script.output.count == 600)
    var burst = try EventScript([Answering(event: .frame)], burst: 1)
    for number in 0..<200 {
      var builder = PacketBuilder(payload: [1])
      builder.source = [10, 2] + be(UInt16(number))
      burst.play(frames: [builder.udpFrame], start: 1)
    }
    #expect((45...50).contains(burst.output.count), "\(burst.output.count)")
  }

  @Test("A datagram of a middlebox's own goes the same way; what is none, or is TCP, does not")
  func datagrams() throws {
    let builder = PacketBuilder(payload: Array("?".utf8))
    var reply = builder.reversed
    reply.payload = Array("!".utf8)
    func answering(_ bytes: [UInt8]) -> Answering<PacketPassage> {
      Answering(event: .packet) { packet in bytes.withUnsafeBytes { packet.answer(with: $0) } }
    }
    try expectAnswer(to: builder.udpFrame, answering(reply.udp), back(reply.udp))
    let six = PacketBuilder(payload: [1]).v6.udp
    try expectAnswer(to: builder.udpFrame, answering(six), back(six))
    reply.payload = [UInt8](repeating: 1, count: 2_100)
    let whole = builder.udp
    let zeros = [UInt8](repeating: 0, count: 40)
    for bytes: [UInt8] in [[], [0x45], reply.udp, builder.tcp, whole.dropLast(), whole + [0], zeros] {
      var script = try EventScript(answering(bytes))
      #expect(script.play(frames: [builder.udpFrame]) == ["not sent"])
      #expect(script.output.isEmpty)
    }
  }

  @Test("What may not be answered is not, and is dropped all the same: an ICMP error, a packet to a group")
  func refused() throws {
    var script = try EventScript(Answering(event: .frame))
    var group = PacketBuilder(payload: [1])
    group.destination = [224, 0, 0, 251]
    let error = PacketBuilder.error(type: 3, code: 1, from: router, about: group.udp)
    let frames = [group.udpFrame, PacketBuilder.ethernet(error, type: 0x0800)]
    #expect(script.play(frames: frames) == ["not sent", "not sent"])
    #expect(script.output.isEmpty && script.engine.statistics.dropped == 2)
  }

  @Test("A packet is cut where a middlebox says so, with the changes that are made to it", arguments: [false, true])
  func cutting(inPlace: Bool) throws {
    struct Narrow: Middlebox {
      var events: some EventGraph {
        Filter(.packet) { event, packet in
          event.report("\(packet.linkLength) \(packet.leave(inFragmentsOf: 67)) \(packet.leave(inFragmentsOf: 100))")
          _ = packet.setSource(IPAddress(v4: 0x0a00_0009))
        }
      }
    }
    var script = try EventScript(Narrow())
    script.engine.changesFramesInPlace = inPlace
    var builder = PacketBuilder(payload: (0..<200).map(UInt8.init))
    let whole = builder.ethernet(builder.ip(17, builder.datagram, fragment: 0))
    #expect(script.play(frames: [whole]) == ["228 notSupported done"])
    builder.source = [10, 0, 0, 9]
    let fragments = builder.fragments(17, builder.datagram, size: 80)
    #expect(script.output.map(\.bytes) == fragments.map { builder.ethernet($0) })
    builder.source = [10, 0, 0, 1]
    builder.payload = [1]
    let short = builder.udpFrame
    builder.source = [10, 0, 0, 9]
    script.play(frames: [short])
    #expect(script.output.last?.bytes == builder.udpFrame)
  }
}
