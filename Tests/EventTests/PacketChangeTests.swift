import EventDSL
import EventSupport
import TestSupport
import Testing

/// Changes the packets with a payload, and says what came of it.
private struct Change: Middlebox {
  var hook = Hook.sender
  var change: (borrowing PacketControl) -> [PacketEditOutcome]

  var events: some EventGraph {
    Filter(.packet, at: hook) { event, packet in
      if event.packet!.payloadLength > 0 { event.report("\(change(packet))") }
    }
    On(.packet) { event in
      if let packet = event.packet, packet.payloadLength > 0 { event.report("received \(packet.key.source)") }
    }
  }
}

/// What filters do to packets, against frames that an independent builder makes.
@Suite("Changed packets")
struct PacketChangeTests {
  private func request(_ change: (inout PacketBuilder) -> Void = { _ in }) -> PacketBuilder {
    var builder = PacketBuilder(payload: Array("GET / HTTP/1.1".utf8))
    change(&builder)
    return builder
  }

  /// The frame that leaves when `change` is done to one, in place or in a copy; `nil` when none leaves.
  private func leaving(
    _ frame: [UInt8], at hook: Hook = .sender, expecting outcomes: [PacketEditOutcome],
    _ change: @escaping (borrowing PacketControl) -> [PacketEditOutcome]
  ) throws -> [UInt8]? {
    var left: [[UInt8]?] = []
    for changesInPlace in [false, true] {
      var script = try EventScript(Change(hook: hook, change: change))
      script.engine.changesFramesInPlace = changesInPlace
      #expect(script.play(frames: [frame]).contains("\(outcomes)"))
      #expect(script.output.filter { !$0.isAcceptable }.isEmpty)
      left.append(script.output.first?.bytes)
    }
    #expect(left[0] == left[1])
    return left[0]
  }

  @Test("Addresses, ports, window and time to live, with the checksums that go with them")
  func headers() throws {
    let changed = request {
      $0.source = [192, 0, 2, 7]
      $0.destination = [198, 51, 100, 9]
      $0.sourcePort = 61_000
      $0.destinationPort = 8080
      $0.window = 77
      $0.timeToLive = 3
    }
    let done = [PacketEditOutcome](repeating: .done, count: 6)
    let left = try leaving(request().tcpFrame, expecting: done) { packet in
      [
        packet.setSource(IPAddress(v4: 0xc000_0207)), packet.setDestination(IPAddress(v4: 0xc633_6409)),
        packet.setSourcePort(61_000), packet.setDestinationPort(8080), packet.setWindow(77), packet.setTimeToLive(3),
      ]
    }
    #expect(left == changed.tcpFrame)
  }

  @Test("Address and port at once, of either end, of both, alone and before or behind other changes")
  func ends() throws {
    let source = IPAddress(v4: 0xc000_0207)
    let destination = IPAddress(v4: 0xc633_6409)
    for isUDP in [false, true] {
      func frame(_ builder: PacketBuilder) -> [UInt8] { isUDP ? builder.udpFrame : builder.tcpFrame }
      let changed = request {
        ($0.source, $0.sourcePort) = ([192, 0, 2, 7], 61_000)
        ($0.destination, $0.destinationPort) = ([198, 51, 100, 9], 8080)
      }
      var longer = changed
      longer.payload = Array("GET / HTTP/1.1!".utf8)
      longer.timeToLive = 3
      let three = [PacketEditOutcome](repeating: .done, count: 3)
      let both = try leaving(frame(request()), expecting: three) { packet in
        [
          packet.setSource(source, port: 1), packet.setDestination(destination, port: 8080),
          packet.setSource(source, port: 61_000),
        ]
      }
      #expect(both == frame(changed))
      let edited = try leaving(frame(request()), expecting: three + [.done]) { packet in
        [
          packet.setSource(source, port: 61_000), packet.setTimeToLive(3),
          Array("!".utf8).withUnsafeBytes { packet.insert(at: 14, $0) }, packet.setDestination(destination, port: 8080),
        ]
      }
      #expect(edited == frame(longer))
    }
    let six = try leaving(request().v6.tcpFrame, expecting: [.wrongAddressFamily]) { packet in
      [packet.setSource(source, port: 1)]
    }
    #expect(six == request().v6.tcpFrame)
    let late = try leaving(request().tcpFrame, at: .receiver, expecting: [.tooLate]) { packet in
      [packet.setSource(source, port: 1)]
    }
    #expect(late == request().tcpFrame)
  }

  @Test("A datagram without a checksum keeps none; where one comes out as 0, 0xffff is sent (RFC 768)")
  func datagramChecksums() throws {
    var without = request().udpFrame
    without.replaceSubrange(40..<42, with: [0, 0])
    let left = try leaving(without, expecting: [.done]) { packet in
      [packet.setSource(IPAddress(v4: 0xc000_0207), port: 61_000)]
    }
    #expect(left.map { Array($0[40..<42]) } == [0, 0])
    // The port that makes the sum of all words 0xffff.
    let builder = request { $0.sourcePort = 0 }
    let checksum = UInt16(builder.udpFrame[40]) << 8 | UInt16(builder.udpFrame[41])
    let zero = try leaving(request().udpFrame, expecting: [.done]) { packet in
      [packet.setSource(IPAddress(v4: 0x0a00_0001), port: checksum)]
    }
    #expect(zero.map { Array($0[40..<42]) } == [0xff, 0xff])
  }

  @Test("The same over IPv6, and of datagrams, which have no window")
  func otherProtocols() throws {
    let changed = request { $0.sourcePort = 61_000 }
    let six = try leaving(request().v6.tcpFrame, expecting: [.done, .wrongAddressFamily]) { packet in
      [packet.setSourcePort(61_000), packet.setSource(IPAddress(v4: 1))]
    }
    #expect(six == changed.v6.tcpFrame)
    let datagram = try leaving(request().udpFrame, expecting: [.done, .notTCP]) { packet in
      [packet.setSourcePort(61_000), packet.setWindow(1)]
    }
    #expect(datagram == changed.udpFrame)
  }

  @Test("Payload bytes are overwritten in place; outside of the payload nothing is")
  func overwrite() throws {
    let changed = request { $0.payload = Array("PUT / HTTP/1.1".utf8) }
    let left = try leaving(request().tcpFrame, expecting: [.done, .outsidePayload]) { packet in
      Array("PUT".utf8).withUnsafeBytes { [packet.overwrite(at: 0, with: $0), packet.overwrite(at: 12, with: $0)] }
    }
    #expect(left == changed.tcpFrame)
  }

  @Test("Bytes are removed, and put in behind the last one: lengths go with them")
  func lengths() throws {
    let changed = request { $0.payload = Array("GET  HTTP/1.1!!".utf8) }
    let left = try leaving(request().tcpFrame, expecting: [.done, .done]) { packet in
      [packet.remove(at: 4, count: 1), Array("!!".utf8).withUnsafeBytes { packet.insert(at: 14, $0) }]
    }
    #expect(left == changed.tcpFrame)
  }

  @Test("A fragment's ports and payload are not changed, and it leaves as it came")
  func fragment() throws {
    let fragments = request().fragments(17, request().datagram, size: 16).map { request().ethernet($0) }
    var script = try EventScript(Change { [$0.setSourcePort(61_000)] })
    #expect(script.play(frames: fragments).contains("\([PacketEditOutcome.fragment])"))
    #expect(script.output.map(\.bytes) == fragments)
  }

  @Test("The receiver is seen to get the packet as it was changed; what is dropped it does not get")
  func received() throws {
    var script = try EventScript(Change { [$0.setSource(IPAddress(v4: 0xc000_0207))] })
    #expect(script.play(frames: [request().tcpFrame]) == ["\([PacketEditOutcome.done])", "received 192.0.2.7"])
    var dropping = try EventScript(
      Change { packet in
        packet.drop()
        return packet.isDropped ? [] : [.done]
      })
    #expect(dropping.play(frames: [request().tcpFrame]) == ["[]"])
    #expect(dropping.output.isEmpty && dropping.engine.statistics.dropped == 1)
  }
}
