import EventDSL
import EventSupport
import TestSupport
import Testing

/// Answers what the client says with many bytes, on the server's behalf.
private struct LongAnswer: Middlebox {
  var count = 1_000
  var events: some EventGraph {
    Filter(.packet) { event, _ in
      guard event.sender == .client, let packet = event.packet, packet.payloadLength == 3 else { return }
      let segment = TCPSegment.data(
        sequence: packet.acknowledgment, acknowledgment: packet.sequence &+ 3, window: 1_000)
      let text = (0..<count).map { UInt8(ascii: "a") &+ UInt8($0 % 26) }
      if !text.withUnsafeBytes({ event.flow.inject(segment, toward: .client, payload: $0) }) { event.report("refused") }
    }
  }
}

/// Overwrites the first payload byte of what the server says.
private struct ServerByte: Middlebox {
  var events: some EventGraph {
    Filter(.packet) { event, packet in
      guard event.sender == .server else { return }
      _ = [UInt8(ascii: "#")].withUnsafeBytes { packet.overwrite(at: 0, with: $0) }
    }
  }
}

/// Changes the server's address in what it says.
private struct ServerAddress: Middlebox {
  var events: some EventGraph {
    Filter(.packet) { event, packet in
      if event.sender == .server { _ = packet.setSource(IPAddress(v4: 0xc000_0201)) }
    }
  }
}

private let talk = """
  c > S seq 0
  s > SA seq 0 ack 1
  c > A seq 1 ack 1
  c > PA seq 1 ack 1 "bob"

  """

@Suite("Checksums that are left to ports")
struct LeftChecksumTests {
  private func play(_ middleboxes: [any Middlebox], leaves: Bool) throws -> EventScript.Output {
    var runner = try EventScript(middleboxes, burst: 1)
    runner.engine.leavesChecksums = leaves
    #expect(try runner.play(talk).isEmpty)
    #expect(runner.output.dropLast().allSatisfy { !$0.leavesChecksum && $0.isAcceptable })
    return try #require(runner.output.last)
  }

  /// The bytes of a frame whose TCP checksum, which has the sum of the pseudo-header, is filled in.
  private func filledIn(_ frame: [UInt8]) -> [UInt8] {
    var frame = frame
    let sum = internetChecksum(Array(frame[34...]))
    frame.replaceSubrange(50..<52, with: be(sum))
    return frame
  }

  @Test("a long segment that a middlebox makes is left to the port, and is what it would have been")
  func left() throws {
    let summed = try play([LongAnswer()], leaves: false)
    #expect(summed.isAcceptable && !summed.leavesChecksum && summed.bytes.count == 1_054)
    let left = try play([LongAnswer()], leaves: true)
    #expect(left.leavesChecksum && left.bytes != summed.bytes && filledIn(left.bytes) == summed.bytes)
    // A short one is summed up in less time than leaving it takes.
    let short = try play([LongAnswer(count: 200)], leaves: true)
    #expect(short.isAcceptable && !short.leavesChecksum)
  }

  @Test("where a middlebox on its way changes it, it leaves with its checksum")
  func changed() throws {
    for box in [ServerByte(), ServerAddress()] as [any Middlebox] {
      let summed = try play([box, LongAnswer()], leaves: false)
      let left = try play([box, LongAnswer()], leaves: true)
      #expect(left.isAcceptable && !left.leavesChecksum && left.bytes == summed.bytes)
    }
    // Behind it nobody changes it.
    #expect(try play([LongAnswer(), ServerByte()], leaves: true).leavesChecksum)
  }
}
