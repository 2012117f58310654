import Testing

@testable import DualStackTracker

@Suite("Bursts")
struct BurstTests {
  /// Random connections side by side, some one after the other on the same ports, with SYNs of a flood between them.
  private func traffic() -> [ScriptedSegment] {
    var generator = SeededGenerator(seed: 5)
    var talks: [[ScriptedSegment]] = (0..<40).map { index in
      let port = UInt16(1_000 + index % 15)
      return RandomConnection(seed: UInt64(index)).packets.map { packet in
        var packet = packet
        packet.clientPort = port
        return packet
      }
    }
    var result: [ScriptedSegment] = []
    while !talks.isEmpty {
      let index = generator.number(0...talks.count - 1)
      // The rest of a connection in one go now and then, so that a burst sees the end and the reuse.
      for _ in 0..<(generator.once(in: 8) ? 30 : 1) where !talks[index].isEmpty {
        result.append(talks[index].removeFirst())
      }
      if talks[index].isEmpty { talks.remove(at: index) }
      if generator.once(in: 10) {
        var syn = ScriptedSegment()
        syn.flags = .syn
        syn.clientPort = UInt16(generator.number(20_000...60_000))
        result.append(syn)
      }
    }
    for index in result.indices { result[index].time = Double(index) * 0.01 }
    return result
  }

  @Test("Bursts of any size give the same events as packets one by one", arguments: [1_000, 12])
  func sameEvents(flows: Int) {
    let traffic = traffic()
    var single = TrackerScript { $0.maximumFlows = flows }
    for segment in traffic { single.play(segment) }
    for size in [1, 2, 7, 64, traffic.count] {
      var script = TrackerScript { $0.maximumFlows = flows }
      var start = 0
      while start < traffic.count {
        let end = min(start + size, traffic.count)
        script.play(burst: traffic[start..<end])
        start = end
      }
      #expect(script.happened == single.happened, "bursts of \(size)")
      #expect(script.ends == single.ends)
      script.finish()
    }
    #expect(single.ends.contains("fin"))
    #expect(flows > 100 || single.ends.contains("evicted"))
    single.finish()
  }

  @Test("Data in the burst of the close are delivered before the end")
  func dataAndCloseInOneBurst() throws {
    var script = TrackerScript()
    let connection = RandomConnection(seed: 3)
    script.play(burst: connection.packets[...])
    #expect(script.stream(.server) == connection.clientText)
    #expect(script.stream(.client) == connection.serverText)
    #expect(script.happened.last == "connectionEnd fin")
    script.finish()
  }
}
