import MOSCore
import Testing

@testable import Middleboxes

@Suite("Messages of DNS")
struct DNSMessageTests {
  private typealias Message = DNSMessageFixture

  @Test("of queries have their names, with dots between labels and none at the end, in either case")
  func names() {
    let entries = DNSFixture.datagrams(Message("wWw.Example.COM").bytes)
    #expect(entries.names == ["wWw.Example.COM"])
    #expect(entries.map(\.name) == ["dns.query", "end of query"])
  }

  @Test("have a name for each question, and an empty one for the root")
  func several() {
    let entries = DNSFixture.datagrams(Message("a.example", "", "b.example").bytes)
    #expect(entries.names == ["a.example", "", "b.example"])
    #expect(entries.anomalies.isEmpty)
  }

  @Test("that are responses have no names")
  func responses() {
    #expect(DNSFixture.datagrams(Message.response.bytes).map(\.name) == ["end of response"])
  }

  @Test("can have names that go on elsewhere")
  func pointers() {
    // The second name is a label and the first one's end.
    let message = Message(names: [Message.name("www.example.com"), [4, 109, 97, 105, 108, 0xc0, 16]])
    #expect(DNSFixture.datagrams(message.bytes).names == ["www.example.com", "mail.example.com"])
    // Forward, to a name behind the question.
    var forward = Message(names: [[0xc0, 18]])
    forward.rest = Message.name("example.com")
    #expect(DNSFixture.datagrams(forward.bytes).names == ["example.com"])
  }

  @Test("have numbers, each side its own")
  func numbers() {
    let query = Message("a").bytes
    #expect(DNSFixture.datagrams(query, query).map(\.number) == [0, 0, 1, 1])
  }

  @Test("keep bytes of labels that are no letters, dots too")
  func strangeLabels() {
    let entries = DNSFixture.datagrams(Message(names: [[3, 0, 46, 255, 0]]).bytes)
    #expect(entries.first?.bytes == [0, 46, 255])
  }

  @Test("that are cut short anywhere are noted, and what they have is handed out")
  func cutShort() {
    let whole = Message("www.example.com", "b").bytes
    for count in 0..<whole.count {
      let entries = DNSFixture.datagrams(Array(whole[..<count]))
      #expect(entries.anomalies == (count < 12 ? ["!notDNS"] : ["!malformed"]), "\(count) bytes")
      #expect(entries.names == (count < 29 ? [] : count < 36 ? ["www.example.com"] : ["www.example.com", "b"]))
    }
  }

  @Test("whose pointers go round end", arguments: [[0xc0, 12], [1, 97, 0xc0, 12]] as [[UInt8]])
  func loops(_ name: [UInt8]) {
    let both = DNSFixture.datagrams(Message(names: [[0xc0, 18], [0xc0, 12], Message.name("next")]).bytes)
    #expect(both.anomalies == ["!tooManyLabels", "!tooManyLabels"])
    #expect(both.names == ["", "", "next"])
    let entries = DNSFixture.datagrams(Message(names: [name, Message.name("next")]).bytes)
    #expect(entries.anomalies == ["!tooManyLabels"])
    #expect(entries.names.count == 2)
    #expect(entries.names.last == "next")
  }

  @Test(
    "with a pointer beyond them, or a label of a kind that is none, are noted",
    arguments: [[0xff, 0xff], [0x40, 0], [0x80, 0]] as [[UInt8]])
  func badNames(_ name: [UInt8]) {
    let entries = DNSFixture.datagrams(Message(names: [name, Message.name("next")]).bytes)
    #expect(entries.anomalies == ["!malformed"])
    #expect(entries.names.isEmpty)
  }

  @Test("with names beyond the limit have their beginning")
  func longName() {
    let label = String(repeating: "x", count: 63)
    let text = Array(repeating: label, count: 20).joined(separator: ".")
    let entries = DNSFixture.datagrams(Message(text, "next").bytes)
    #expect(entries.anomalies == ["!nameTooLong"])
    #expect(entries.names == [String(text.prefix(1025)), "next"])
    var limits = DNSLimits()
    limits.nameBytes = text.count
    #expect(DNSFixture.datagrams(Message(text).bytes, limits: limits).anomalies.isEmpty)
  }

  @Test("with more questions than the limit are noted")
  func manyQuestions() {
    let names = [[UInt8]](repeating: Message.name("a"), count: 33)
    let entries = DNSFixture.datagrams(Message(names: names).bytes)
    #expect(entries.names.count == 32)
    #expect(entries.anomalies == ["!tooManyQuestions"])
  }

  @Test("that cannot be any are none: no question, or counts beyond all bounds")
  func noMessages() {
    var nothing = Message()
    #expect(DNSFixture.datagrams(nothing.bytes).map(\.name) == ["!notDNS"])
    nothing.flags = 0x8183
    #expect(DNSFixture.datagrams(nothing.bytes).map(\.name) == ["end of response"])
    var lying = Message("a")
    // 19 bytes.
    lying.recordCounts = [0, 4, 5]
    #expect(DNSFixture.datagrams(lying.bytes).map(\.name) == ["!notDNS"])
    lying.recordCounts = [0, 4, 4]
    #expect(DNSFixture.datagrams(lying.bytes).map(\.name) == ["dns.query", "end of query"])
    lying.questionCount = 2
    lying.recordCounts = [0, 0, 0]
    #expect(DNSFixture.datagrams(lying.bytes).map(\.name) == ["dns.query", "!malformed", "end of query"])
  }
}
