import EventDSL
import EventSupport
import TestSupport
import Testing

/// Does something at the data of a client.
private struct AtData: Middlebox {
  var act: (borrowing Event<NewData>) -> Void

  var events: some EventGraph {
    Filter(.newData) { event, _ in
      if event.receiver == .server { act(event) }
    }
  }
}

@Suite("Answers in the frames and the numbers of their receiver")
struct AnswerTests {
  @Test("An answer on the server's behalf has the options and the addresses of the flow's own frames, VLANs included")
  func answer() throws {
    var client = PacketBuilder(payload: [1])
    client.flags = 0x18
    let frame = client.ethernet(client.tcp, vlans: [7])
    var script = try EventScript(
      AtData { event in
        let segment = TCPSegment.data(sequence: 2000, acknowledgment: 1001, window: 8192)
        let options: [UInt8] = [1, 1, 1, 0]
        options.withUnsafeBytes { options in
          [UInt8(2)].withUnsafeBytes { payload in
            let isMade = event.flow.inject(segment, toward: .client, options: options, payload: payload)
            #expect(isMade)
          }
        }
      })
    script.play(frames: [frame])
    let answer = script.output.last!
    #expect(answer.isAcceptable && answer.isReturned)
    #expect(answer.key == script.output[0].key.reversed)
    // MAC addresses of the answer, and its tag.
    #expect(Array(answer.bytes[0..<12]) == Array(frame[6..<12]) + Array(frame[0..<6]))
    #expect(Array(answer.bytes[12..<16]) == [0x81, 0, 0, 7])
    #expect(Array(answer.bytes.suffix(5)) == [1, 1, 1, 0, 2])
  }

  @Test("An acknowledgment and its SACK blocks are in the sender's own numbers where bytes were put in")
  func selectiveAcknowledgment() throws {
    struct Longer: Middlebox {
      var events: some EventGraph {
        Filter(.packet) { event, packet in
          guard event.sender == .client, event.packet!.withPayload({ $0.text }) == "abc" else { return }
          _ = Array("12345".utf8).withUnsafeBytes { packet.insert(at: 0, $0) }
        }
      }
    }
    var script = try EventScript(Longer())
    try script.play(
      """
      c > S seq 0 <mss 1460,sack>
      s > SA seq 0 ack 1 <mss 1460,sack>
      c > A seq 1 ack 1
      c > PA seq 1 ack 1 "abc"
      c > PA seq 9 ack 1 "ghi"
      """)
    // The server has "12345abc" and, behind a hole of five bytes, "ghi": in its numbers 14 to 17, in the client's 9 to 12.
    var answer = PacketBuilder()
    answer = answer.reversed
    answer.flags = 0x10
    answer.sequence = ScriptParser.serverISN + 1
    answer.acknowledgment = ScriptParser.clientISN + 9
    let first = ScriptParser.clientISN + 14
    answer.tcpOptions = [1, 1, 5, 10] + be(first) + be(first + 3)
    script.play(frames: [answer.tcpFrame], start: 1)
    answer.acknowledgment -= 5
    answer.tcpOptions = [1, 1, 5, 10] + be(first - 5) + be(first - 2)
    #expect(script.output.last?.bytes == answer.tcpFrame)
  }
}
