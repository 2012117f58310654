import MOSCore
import Testing

@testable import MTCP

@Suite("Connections, RFC 9293 3.10")
struct ConnectionTests {
  private let second: Int64 = 1_000_000_000

  @Test("Opening: three segments, and both ends agree on options")
  func opening() {
    let pair = SimulatedPair()
    pair.open()
    pair.run(100_000_000)
    #expect(pair.sent == 3)
    #expect(pair.state(pair.client) == .established && pair.state(pair.server) == .established)
    #expect(pair.client.events == .established && pair.server.events == .established)
    for end in [pair.client, pair.server] {
      let traits = end.connections.block(end.connection).traits
      #expect(traits.isSuperset(of: [.timestamps, .selectiveAcknowledgments, .windowScale]))
    }
  }

  @Test("Options that only one end wants are not used", arguments: [false, true])
  func options(byServer: Bool) {
    var plain = ConnectionConfiguration()
    plain.usesSACK = false
    plain.usesTimestamps = false
    plain.usesWindowScale = false
    let full = ConnectionConfiguration()
    let pair = SimulatedPair.established(client: byServer ? plain : full, server: byServer ? full : plain)
    for end in [pair.client, pair.server] {
      let block = end.connections.block(end.connection)
      #expect(block.traits.isDisjoint(with: [.timestamps, .selectiveAcknowledgments, .windowScale]))
      #expect(block.sendScale == 0 && block.receiveScale == 0)
    }
    pair.write(pair.client, 100_000)
    pair.run(second)
    #expect(pair.read(pair.server).count > 60_000)
  }

  @Test("A SYN that nobody answers is sent again after 1, 2, 4 ... seconds, and given up at the user timeout")
  func unanswered() {
    var configuration = ConnectionConfiguration()
    configuration.userTimeout = 30 * second
    let pair = SimulatedPair(SimulatedPath(loss: 1), client: configuration)
    pair.open()
    pair.run(8 * second)
    #expect(pair.sent == 4)
    pair.run(60 * second)
    #expect(pair.client.end == .timedOut)
    #expect(pair.client.isEmpty)
  }

  @Test("A RST that acknowledges our SYN refuses the connection; one that does not, does nothing")
  func refused() {
    let pair = SimulatedPair(SimulatedPath(loss: 1))
    pair.open()
    pair.forge(to: pair.client, acknowledgment: 1, [.rst, .ack])
    #expect(pair.client.end == nil)
    pair.forge(to: pair.client, [.rst])
    #expect(pair.client.end == nil)
    pair.forge(to: pair.client, [.rst, .ack])
    #expect(pair.client.end == .refused)
  }

  @Test("Both open at the same time (3.5, figure 8)")
  func simultaneousOpen() {
    let pair = SimulatedPair()
    pair.open()
    pair.flights = []
    // The other end's SYN, without an acknowledgment of ours.
    pair.forge(to: pair.client, sequence: 1_000, [.syn])
    #expect(pair.state(pair.client) == .synReceived)
    #expect(pair.log.last?.contains("flags 18") == true, "a SYN with an acknowledgment: \(pair.log)")
    pair.forge(to: pair.client, [.ack])
    #expect(pair.state(pair.client) == .established)
  }

  @Test("Half-close: one end has said all, the other goes on (3.6)")
  func halfClose() {
    let pair = SimulatedPair.established()
    pair.client.connections.close(pair.client.connection, at: pair.time, into: &pair.client.outbox)
    pair.run(second)
    #expect(pair.state(pair.client) == .finWait2 && pair.state(pair.server) == .closeWait)
    #expect(pair.server.events.contains(.peerClosed))
    pair.write(pair.server, 50_000)
    pair.run(second)
    #expect(pair.read(pair.client).count == 50_000)
    pair.server.connections.close(pair.server.connection, at: pair.time, into: &pair.server.outbox)
    pair.run(second)
    #expect(pair.state(pair.client) == .timeWait)
    #expect(pair.server.end == .closed)
    pair.run(61 * second)
    #expect(pair.client.end == .closed)
    #expect(pair.client.isEmpty && pair.server.isEmpty)
  }

  @Test("Both close at the same time: both wait for twice the life of a segment (3.6, figure 13)")
  func simultaneousClose() {
    let pair = SimulatedPair.established()
    for end in [pair.client, pair.server] { end.connections.close(end.connection, at: pair.time, into: &end.outbox) }
    pair.run(second)
    #expect(pair.state(pair.client) == .timeWait && pair.state(pair.server) == .timeWait)
    pair.run(58 * second)
    #expect(pair.client.end == nil)
    pair.run(2 * second)
    #expect(pair.client.end == .closed && pair.server.end == .closed)
  }

  @Test("An abort resets the other end, and what was unread is lost")
  func abort() {
    let pair = SimulatedPair.established()
    pair.write(pair.server, 1_000)
    pair.run(second)
    pair.client.connections.abandon(pair.client.connection, at: pair.time, into: &pair.client.outbox)
    pair.run(second)
    #expect(pair.client.end == .aborted && pair.server.end == .reset)
    #expect(pair.client.isEmpty && pair.server.isEmpty)
  }

  @Test(
    "RFC 5961 3: a RST ends a connection only with the next number; in the window it is challenged; outside nothing happens"
  )
  func resets() {
    let pair = SimulatedPair.established()
    pair.path.loss = 1
    pair.forge(to: pair.server, sequence: 100, [.rst])
    #expect(pair.server.end == nil && pair.log.count == 1)
    pair.forge(to: pair.server, sequence: -1, [.rst])
    pair.forge(to: pair.server, sequence: 1 << 22, [.rst])
    #expect(pair.server.end == nil && pair.log.count == 1)
    pair.forge(to: pair.server, [.rst])
    #expect(pair.server.end == .reset)
  }

  @Test(
    "RFC 5961 4, 5: a SYN in a connection is challenged, acknowledgments of the future and of the past too; not without end"
  )
  func challenges() {
    let pair = SimulatedPair.established()
    pair.path.loss = 1
    pair.forge(to: pair.server, [.syn])
    pair.forge(to: pair.server, acknowledgment: 1, [.ack])
    pair.forge(to: pair.server, acknowledgment: -(1 << 20), [.ack])
    #expect(pair.log.count == 3)
    #expect(pair.state(pair.server) == .established)
    for _ in 0..<1_000 { pair.forge(to: pair.server, [.syn]) }
    #expect(pair.log.count == 10)
  }

  @Test("PAWS: a segment with an old timestamp is answered, and not taken (RFC 7323 5.3)")
  func protectsAgainstWrapped() {
    let pair = SimulatedPair.established()
    let recent = pair.server.connections.block(pair.server.connection).timestampRecent
    pair.forge(to: pair.server, [.ack], payload: [1, 2, 3], timestamp: recent &- 1)
    #expect(pair.server.connections.readableBytes(pair.server.connection) == 0)
    #expect(pair.log.count == 1)
    pair.forge(to: pair.server, [.ack], payload: [1, 2, 3], timestamp: recent &+ 1)
    #expect(pair.read(pair.server) == [1, 2, 3])
  }

  @Test("An acknowledgment waits for 40 ms, or for a second segment (3.8.6.3)")
  func delayedAcknowledgment() {
    let pair = SimulatedPair.established()
    pair.write(pair.client, 100)
    pair.run(49_000_000)
    #expect(pair.log.count == 1)
    pair.run(2_000_000)
    #expect(pair.log.count == 2)
    pair.run(second)
    pair.log = []
    pair.write(pair.client, 2_896)
    pair.run(11_000_000)
    #expect(pair.log.count == 3, "\(pair.log)")
  }

  @Test(
    "Nagle: a small segment waits while another is under way, and does not where that is not wanted (3.7.4)",
    arguments: [true, false])
  func nagle(isOn: Bool) {
    var configuration = ConnectionConfiguration()
    configuration.delaysSmallSegments = isOn
    let pair = SimulatedPair.established(client: configuration)
    for _ in 0..<5 { pair.write(pair.client, 10) }
    #expect(pair.log.count == (isOn ? 1 : 5))
    pair.run(second)
    #expect(pair.read(pair.server).count == 50)
  }

  @Test("A closed window is asked about, ever more seldom, and what waits leaves when it opens (3.8.6.1)")
  func persist() {
    var configuration = ConnectionConfiguration()
    configuration.receiveBytes = 4_096
    let pair = SimulatedPair.established(server: configuration)
    pair.write(pair.client, 20_000)
    pair.run(second)
    pair.run(second)
    #expect(pair.server.connections.block(pair.server.connection).rcvWnd == 0)
    pair.log = []
    pair.run(20 * second)
    let probes = pair.log.filter { $0.contains(">") }.count
    #expect(probes >= 3 && probes <= 8)
    var count = 0
    for _ in 0..<20 {
      count += pair.read(pair.server).count
      pair.run(second)
    }
    #expect(count == 20_000)
  }

  @Test("A window that opens by little is not told: no silly windows (3.8.6.2.2)")
  func sillyWindow() {
    var configuration = ConnectionConfiguration()
    configuration.receiveBytes = 8_192
    let pair = SimulatedPair.established(server: configuration)
    pair.write(pair.client, 30_000)
    pair.run(second)
    pair.log = []
    var buffer = [UInt8](repeating: 0, count: 100)
    for _ in 0..<10 {
      _ = buffer.withUnsafeMutableBytes {
        pair.server.connections.read(pair.server.connection, into: $0, at: pair.time, into: &pair.server.outbox)
      }
      pair.post()
    }
    #expect(pair.log.isEmpty)
    #expect(pair.read(pair.server).count == 8_192 - 1_000)
    #expect(pair.log.count == 1)
  }

  @Test("One segment of many is lost: it is sent again within a round trip, once (RFC 8985, RFC 6675)")
  func fastRetransmit() {
    let pair = SimulatedPair.established()
    pair.losses = [pair.sent + 2]
    pair.write(pair.client, 14_480)
    pair.run(45_000_000)
    #expect(pair.read(pair.server).count == 14_480)
    #expect(pair.log.filter { $0.contains(">") && !$0.contains("len 0") }.count == 11)
    #expect(pair.client.connections.block(pair.client.connection).congestion.window < 14_600)
  }

  @Test("Without selective acknowledgments too (RFC 6582)")
  func newReno() {
    var configuration = ConnectionConfiguration()
    configuration.usesSACK = false
    let pair = SimulatedPair.established(client: configuration)
    pair.losses = [pair.sent + 2, pair.sent + 5]
    pair.write(pair.client, 14_480)
    pair.run(80_000_000)
    #expect(pair.read(pair.server).count == 14_480)
    #expect(pair.log.filter { $0.contains(">") && !$0.contains("len 0") }.count == 12)
  }

  @Test(
    "The last segments are lost: a probe has them sent again within a few round trips, before a time-out (RFC 8985 7)")
  func tailLoss() {
    let pair = SimulatedPair.established()
    pair.write(pair.client, 2_896)
    pair.run(second)
    _ = pair.read(pair.server)
    pair.losses = [pair.sent + 3, pair.sent + 4]
    pair.write(pair.client, 5_792)
    pair.run(130_000_000)
    #expect(pair.read(pair.server).count == 5_792, "\(pair.log.joined(separator: "\n"))")
  }

  @Test("All is lost for a while: time-outs double, and the connection goes on where the path does (RFC 6298 5.5)")
  func outage() {
    let pair = SimulatedPair.established()
    pair.path.loss = 1
    pair.write(pair.client, 5_000)
    pair.run(10 * second)
    let tries = pair.log.count
    #expect(tries >= 6 && tries <= 12, "\(pair.log.joined(separator: "\n"))")
    pair.path.loss = 0
    pair.run(20 * second)
    #expect(pair.read(pair.server).count == 5_000)
  }

  @Test("A delay is taken for a loss: the timestamps tell, and the window is as before (RFC 3522, RFC 4015)")
  func spuriousTimeout() {
    let pair = SimulatedPair.established()
    pair.write(pair.client, 2_896)
    pair.run(second)
    let window = pair.client.connections.block(pair.client.connection).congestion.window
    pair.path.delay = 600_000_000
    pair.write(pair.client, 2_896)
    pair.run(500_000_000)
    pair.path.delay = 10_000_000
    pair.run(second)
    #expect(pair.read(pair.server).count == 5_792)
    #expect(pair.client.connections.block(pair.client.connection).congestion.window >= window)
    #expect(pair.client.connections.block(pair.client.connection).recovery == .none)
  }

  @Test("A peer that has gone is noticed: keep-alives (3.8.4), and those that are answered cost nothing")
  func keepAlive() {
    var configuration = ConnectionConfiguration()
    configuration.keepAlive = 10 * second
    configuration.keepAliveInterval = second
    configuration.keepAliveProbes = 3
    let pair = SimulatedPair.established(client: configuration)
    pair.run(100 * second)
    #expect(pair.state(pair.client) == .established)
    #expect(pair.log.count >= 16 && pair.log.count <= 20)
    pair.path.loss = 1
    pair.run(20 * second)
    #expect(pair.client.end == .timedOut)
  }

  @Test(
    "Random segments of somebody who knows the numbers: no crash, and no more memory than is configured",
    arguments: 0..<20 as Range<UInt64>)
  func hostile(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var configuration = ConnectionConfiguration()
    configuration.receiveBytes = 16_384
    let pair = SimulatedPair.established(client: configuration, server: configuration)
    for _ in 0..<3_000 {
      guard pair.client.end == nil, pair.server.end == nil else { break }
      let end = Bool.random(using: &random) ? pair.client : pair.server
      var flags = TCPFlags(rawValue: UInt16.random(in: 0...0x1ff, using: &random))
      if Int.random(in: 0..<50, using: &random) > 0 { flags.remove(.rst) }
      pair.forge(
        to: end, sequence: .random(in: -3_000...20_000, using: &random),
        acknowledgment: .random(in: -3_000...100, using: &random), flags,
        payload: random.bytes(Int.random(in: 0...1_460, using: &random)),
        window: .random(in: 0 ... .max, using: &random))
      pair.flights = []
      if Int.random(in: 0..<10, using: &random) == 0, end.end == nil {
        end.connections.transmit(end.connection, at: pair.time, into: &end.outbox)
      }
      pair.now += Int64.random(in: 0...10_000_000, using: &random)
      for one in [pair.client, pair.server] {
        #expect(one.connections.streams.count * 1_504 < 100_000 && one.connections.chunks.bytesInUse < 100_000)
      }
    }
  }
}
