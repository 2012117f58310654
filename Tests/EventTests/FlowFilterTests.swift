import EventDSL
import EventSupport
import TestSupport
import Testing

private struct Watcher: Middlebox {
  var name: String
  var flowFilter: String?
  var orphanFilter: String?

  var events: some EventGraph {
    On(.packet) { event in event.report("\(name) \(event.packet!.number)") }
    On(.orphan) { event in event.report("\(name) orphan \(event.packet!.number)") }
  }
}

@Suite("Which flows a middlebox sees")
struct FlowFilterTests {
  @Test("The expression is asked for a flow's first packet, and holds for the whole flow")
  func firstPacket() throws {
    var script = try EventScript(
      Watcher(name: "a", flowFilter: "src port 40000"), Watcher(name: "b", flowFilter: "src port 80"),
      Watcher(name: "c"))
    let reports = try script.play(
      """
      c > S seq 0
      s > SA seq 0 ack 1
      c > S seq 0 port 40001
      """)
    #expect(reports == ["a 1", "c 1", "c 2", "a 2", "c 3"])
  }

  @Test("A flow that is not seen does not open the middlebox for others, nor the other way around")
  func independent() throws {
    var script = try EventScript(Watcher(name: "a", flowFilter: "port 40001"))
    let reports = try script.play(
      """
      c > S seq 0
      c > S seq 0 port 40001
      c > S seq 0 port 40002
      """)
    #expect(reports == ["a 2"])
  }

  @Test("Any expression of pcap-filter: IPv6, VLANs, bytes of a header")
  func expressions() throws {
    var builder = PacketBuilder()
    builder.flags = 2
    let tagged = builder.ethernet(builder.tcp, vlans: [7])
    builder.timeToLive = 3
    let frames = [builder.v6.tcpFrame, tagged, builder.tcpFrame]
    var script = try EventScript(
      Watcher(name: "six", flowFilter: "ip6 and tcp"), Watcher(name: "tagged", flowFilter: "vlan 7 and tcp"),
      Watcher(name: "near", flowFilter: "ip[8] < 5"), Watcher(name: "long", flowFilter: "greater 1000"))
    #expect(script.play(frames: frames) == ["six 1", "tagged 2", "near 3"])
  }

  @Test("Orphans have an expression of their own, asked for each of them")
  func orphans() throws {
    var script = try EventScript(
      [Watcher(name: "a", orphanFilter: "dst port 80"), Watcher(name: "b")], burst: 1
    ) { $0.midstream = false }
    let reports = try script.play(
      """
      c > A seq 5 ack 7
      s > A seq 5 ack 7
      """)
    #expect(reports == ["a orphan 1", "b orphan 1", "b orphan 2"])
  }

  @Test("An expression that does not compile is refused at the start, with the middlebox's name")
  func broken() {
    #expect {
      _ = try EventScript(Watcher(name: "a", flowFilter: "tcp prot 80"))
    } throws: {
      "\($0)".hasPrefix("a: filter \"tcp prot 80\": ")
    }
  }
}
