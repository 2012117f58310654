import MOSCore
import Testing

@testable import Middleboxes

@Suite("How a stream of TLS was cut")
struct TLSCutTests {
  private typealias Hello = TLSHelloFixture

  private static let conversations: [TLSFixture] = {
    var lying = Hello.chrome
    lying.extensions[5].data = [1]
    lying.rest = [1, 2]
    var small = TLSLimits()
    small.messageBytes = 100
    let alert = Hello.records([1, 112], type: 21)
    return [
      TLSFixture(.client(.chrome), .server(.answer), .closes(.client), .closes(.server)),
      TLSFixture(
        .sends(.client, Hello.chrome.records(of: 7)), .sends(.server, alert + alert + Hello.answer.records(of: 30))),
      TLSFixture(.client(lying), .server(lying)),
      TLSFixture(.client(.chrome), .server(.answer), limits: small),
      TLSFixture(.sends(.client, Hello.chrome.records(of: 60)[..<200] + alert), .server(.answer)),
      TLSFixture(.sends(.client, Array(Hello.chrome.records()[..<100])), .loses(.client), .client(.chrome)),
      TLSFixture(.sends(.client, [0x80, 0x2e, 1, 3, 0, 1, 2, 3]), .server(.answer)),
      TLSFixture(.sends(.client, Hello.records([1, 0, 0, 0, 9, 9])), .sends(.server, Hello.records([2, 0, 0]))),
    ]
  }()

  @Test("at any one place, or into bytes, changes nothing of what is handed out", arguments: conversations.indices)
  func everyPlace(_ index: Int) {
    let fixture = Self.conversations[index]
    let whole = fixture.entries()
    #expect(!whole.isEmpty)
    for place in 1...400 {
      #expect(fixture.entries { place < $0 ? [place, $0 - place] : [$0] } == whole, "cut at \(place)")
    }
    #expect(fixture.entries { [Int](repeating: 1, count: $0) } == whole)
    #expect(fixture.entries { (0..<$0).flatMap { _ in [0, 1] } } == whole)
  }
}
