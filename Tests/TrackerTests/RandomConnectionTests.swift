import MOSCore
import TestSupport
import Testing

@testable import DualStackTracker

/// Random connections, treated badly on their way to the capture.
@Suite("Random connections")
struct RandomConnectionTests {
  @Test("In order, both ends' bytes are delivered and the flow closes", arguments: 0..<20)
  func inOrder(block: Int) {
    for seed in block * 25..<block * 25 + 25 {
      let connection = RandomConnection(seed: UInt64(seed))
      var script = TrackerScript()
      for packet in connection.packets { script.play(packet) }
      #expect(script.stream(.server) == connection.clientText, "seed \(seed)")
      #expect(script.stream(.client) == connection.serverText, "seed \(seed)")
      #expect(script.ends == ["fin"], "seed \(seed)")
      #expect(script.record?.client.streamBytes == UInt64(connection.clientText.count), "seed \(seed)")
      #expect(script.record?.server.streamBytes == UInt64(connection.serverText.count), "seed \(seed)")
      script.finish()
    }
  }

  @Test("Duplicated and overlapped, the bytes delivered equal those sent", arguments: 0..<20)
  func duplicated(block: Int) {
    for seed in block * 100..<block * 100 + 100 {
      let connection = RandomConnection(seed: UInt64(seed))
      var generator = SeededGenerator(seed: UInt64(seed) + 1_000_000)
      var script = TrackerScript { $0.overlapPolicy = [.linux, .first, .last, .bsd][seed % 4] }
      for packet in connection.packets.dropLast(3) {
        script.play(packet)
        while generator.once(in: 4) { script.play(packet) }
      }
      for packet in connection.packets.suffix(3) { script.play(packet) }
      #expect(script.stream(.server) == connection.clientText, "seed \(seed)")
      #expect(script.stream(.client) == connection.serverText, "seed \(seed)")
      #expect(script.tracker.statistics.missedBytes == 0, "seed \(seed)")
      #expect(script.ends == ["fin"], "seed \(seed)")
      script.finish()
    }
  }

  /// Data packets shuffled in one direction only: an acknowledgment then never passes what it acknowledges.
  @Test(
    "Shuffled within the window, duplicated and overlapped, the bytes delivered equal those sent", arguments: 0..<20)
  func shuffled(block: Int) {
    for seed in block * 100..<block * 100 + 100 {
      var connection = RandomConnection(seed: UInt64(seed))
      var generator = SeededGenerator(seed: UInt64(seed) + 2_000_000)
      // The server acknowledges at the end only, so that no order of the packets makes a byte look lost.
      let start = connection.packets[1].acknowledgment
      let first = connection.packets[2].acknowledgment
      for index in connection.packets.indices.dropFirst(3).dropLast(3) {
        connection.packets[index].acknowledgment = connection.packets[index].sender == .server ? start : first
      }
      var script = TrackerScript { $0.overlapPolicy = [.linux, .first, .last, .bsd][seed % 4] }
      for packet in connection.shuffled(distance: generator.number(1...12), &generator) {
        script.play(packet)
        if generator.once(in: 6) { script.play(packet) }
      }
      #expect(script.stream(.server) == connection.clientText, "seed \(seed)")
      #expect(script.stream(.client) == connection.serverText, "seed \(seed)")
      #expect(script.tracker.statistics.missedBytes == 0, "seed \(seed)")
      #expect(script.ends == ["fin"], "seed \(seed)")
      script.finish()
    }
  }

  /// What was delivered with its offsets is what was sent there, whatever was lost.
  private func expectOnlyGaps(_ script: borrowing TrackerScript, _ connection: RandomConnection, seed: Int) {
    for (side, text) in [(Side.server, connection.clientText), (.client, connection.serverText)] {
      for piece in script.pieces(side) {
        let start = Int(piece.offset)
        let end = start + piece.bytes.count
        #expect(end <= text.count, "seed \(seed)")
        if end <= text.count { #expect(Array(text[start..<end]) == piece.bytes, "seed \(seed), offset \(start)") }
      }
    }
  }

  @Test("With packets lost at the capture point there are gaps, and no wrong byte", arguments: 0..<20)
  func lossy(block: Int) {
    for seed in block * 100..<block * 100 + 100 {
      let connection = RandomConnection(seed: UInt64(seed))
      var generator = SeededGenerator(seed: UInt64(seed) + 3_000_000)
      let rarity = [2, 5, 20][seed % 3]
      let isShuffled = seed % 2 == 0
      let packets = isShuffled ? connection.shuffled(distance: 4, &generator) : connection.packets
      var script = TrackerScript()
      for (index, packet) in packets.enumerated() where index < 3 || !generator.once(in: rarity) {
        script.play(packet)
        if generator.once(in: 10) { script.play(packet) }
      }
      expectOnlyGaps(script, connection, seed: seed)
      script.finish()
    }
  }

  @Test("With the handshake lost as well, the pieces still are those that were sent", arguments: 0..<10)
  func lossyMidstream(block: Int) {
    for seed in block * 50..<block * 50 + 50 {
      let connection = RandomConnection(seed: UInt64(seed))
      var generator = SeededGenerator(seed: UInt64(seed) + 4_000_000)
      var script = TrackerScript()
      var base: [Side: UInt32] = [:]
      for packet in connection.packets.dropFirst(generator.number(1...10)) where !generator.once(in: 10) {
        script.play(packet)
        if base[packet.sender.peer] == nil { base[packet.sender.peer] = packet.sequence }
        // A SYN-ACK tells where the client's stream begins as well.
        if packet.flags.contains(.syn) { base[.server] = connection.packets[0].sequence }
      }
      for (side, text) in [(Side.server, connection.clientText), (.client, connection.serverText)] {
        let isn = connection.packets[side == .server ? 0 : 1].sequence
        guard let base = base[side] else { continue }
        // A SYN counts one; without it the stream begins with the first byte seen.
        let skipped = base == isn ? 0 : Int(base &- isn &- 1)
        for piece in script.pieces(side) {
          let start = skipped + Int(piece.offset)
          let end = start + piece.bytes.count
          #expect(end <= text.count, "seed \(seed)")
          if end <= text.count { #expect(Array(text[start..<end]) == piece.bytes, "seed \(seed)") }
        }
      }
      script.finish()
    }
  }
}
