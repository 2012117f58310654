import EventDSL
import EventSupport
import MOSCore
import TestSupport
import Testing

/// Needs datagrams to an address as a whole, and says what it gets; sets the source of what it sees.
private struct Joiner: Middlebox {
  let address: IPAddress
  var holds = false

  func needsDatagram(of fragment: borrowing PacketView) -> Bool { fragment.key.destination == address }

  var events: some EventGraph {
    Filter(.packet) { event, packet in
      guard let view = event.packet else { return }
      event.report("\(view.payloadLength) bytes in \(view.length)")
      if holds && packet.hold() { return }
      _ = packet.setSource(IPAddress(v4: 0x0909_0909))
    }
    On(.idle) { event in event.flow.releaseHeld(from: .client) }
  }
}

@Suite("Datagrams that a middlebox needs as a whole")
struct DatagramTests {
  private var builder: PacketBuilder { PacketBuilder(payload: (0..<200).map(UInt8.init)) }

  private func frames(_ builder: PacketBuilder, size: Int = 64) -> [[UInt8]] {
    builder.fragments(17, builder.datagram, size: size).map { builder.ethernet($0) }
  }

  private func joiner(_ last: UInt32, holds: Bool = false) -> Joiner {
    Joiner(address: IPAddress(v4: 0x0a00_0000 | last), holds: holds)
  }

  @Test("They pass filters once, can be changed, and leave in fragments of the same length")
  func changed() throws {
    var script = try EventScript(joiner(2), burst: 4)
    #expect(script.play(frames: frames(builder)) == ["200 bytes in 242"])
    var expected = builder
    expected.source = [9, 9, 9, 9]
    #expect(script.output.map(\.bytes) == frames(expected))
    #expect(script.engine.statistics.awaitedFragments == 3 && script.engine.statistics.forwarded == 1)
  }

  @Test("Where frames may be changed in place the same leaves, and the frames stay as they came")
  func inPlace() throws {
    var script = try EventScript(joiner(2), burst: 4)
    script.engine.changesFramesInPlace = true
    script.play(frames: frames(builder))
    var expected = builder
    expected.source = [9, 9, 9, 9]
    #expect(script.output.map(\.bytes) == frames(expected))
  }

  @Test("Those that nobody needs leave one by one, as they come")
  func untouched() throws {
    var script = try EventScript(joiner(3))
    script.play(frames: frames(builder))
    #expect(script.output.map(\.bytes) == frames(builder))
    #expect(script.engine.statistics.awaitedFragments == 0 && script.engine.statistics.forwarded == 4)
  }

  @Test("Several that are complete in one burst are not mixed up")
  func several() throws {
    var script = try EventScript(joiner(2), burst: 12)
    var other = builder
    other.identification = 8
    other.payload.reverse()
    var third = builder
    third.identification = 9
    let all = zip(frames(builder), zip(frames(other), frames(third))).flatMap { [$0, $1.0, $1.1] }
    script.play(frames: all)
    var expected = [builder, other, third]
    for index in expected.indices { expected[index].source = [9, 9, 9, 9] }
    #expect(script.output.map(\.bytes) == expected.flatMap { frames($0) })
  }

  @Test("One that is held leaves in fragments when it is let go")
  func held() throws {
    var script = try EventScript(joiner(2, holds: true))
    script.play(frames: frames(builder))
    #expect(script.output.isEmpty && script.engine.statistics.held == 1)
    script.engine.advance(to: ScriptedSegment.timestamp(3_600))
    script.finish()
    #expect(script.output.map(\.bytes) == frames(builder))
  }

  @Test("The longest datagram that IP has is one packet")
  func longest() throws {
    var script = try EventScript(joiner(2), burst: 32)
    var builder = builder
    builder.payload = [UInt8](repeating: 7, count: 65_507)
    #expect(script.play(frames: frames(builder, size: 1_480)) == ["65507 bytes in 65549"])
    builder.source = [9, 9, 9, 9]
    #expect(script.output.map(\.bytes) == frames(builder, size: 1_480))
  }
}
