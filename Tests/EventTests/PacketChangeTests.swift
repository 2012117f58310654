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

  /// The frame that leaves when `change` is done to one; `nil` when none leaves.
  private func leaving(
    _ frame: [UInt8], at hook: Hook = .sender, expecting outcomes: [PacketEditOutcome],
    _ change: @escaping (borrowing PacketControl) -> [PacketEditOutcome]
  ) throws -> [UInt8]? {
    var script = try EventScript(Change(hook: hook, change: change))
    #expect(script.play(frames: [frame]).contains("\(outcomes)"))
    #expect(script.output.filter { !$0.isAcceptable }.isEmpty)
    return script.output.first?.bytes
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
