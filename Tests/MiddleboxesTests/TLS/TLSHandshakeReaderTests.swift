import MOSCore
import Records
import Testing

@testable import Middleboxes

@Suite("TLS handshakes of flows, for their records")
struct TLSHandshakeReaderTests {
  private static let hello = TLSHelloFixture.chrome.records()
  private static let answer = TLSHelloFixture.answer.records()

  /// Gives parts of a stream to a reader.
  private func append(
    _ reader: inout TLSHandshakeReader, _ index: UInt32, _ receiver: Side, _ bytes: [UInt8], _ places: Range<Int>...
  ) {
    for place in places {
      Array(bytes[place]).withUnsafeBytes {
        reader.append(index, receiver: receiver, offset: UInt64(place.lowerBound), bytes: $0)
      }
    }
  }

  @Test("have what both hellos tell")
  func both() throws {
    var reader = TLSHandshakeReader()
    let index = reader.attach()
    append(&reader, index, .server, Self.hello, Self.hello.indices)
    append(&reader, index, .client, Self.answer, Self.answer.indices)
    let told = reader.finish(index)
    let handshake = try #require(told)
    #expect(handshake.serverName == Array("www.example.com".utf8))
    #expect(handshake.version == 0x0304)
    #expect(String(decoding: handshake.ja4, as: UTF8.self) == "t13d1516h2_8daaf6152771_e5627efa2ab1")
    #expect(handshake.ja3.count == 32 && handshake.ja3s.count == 32 && handshake.ja3 != handshake.ja3s)
  }

  @Test("are the same when parts come that came before")
  func overlaps() {
    var reader = TLSHandshakeReader()
    let (index, other) = (reader.attach(), reader.attach())
    append(&reader, index, .server, Self.hello, Self.hello.indices)
    append(&reader, other, .server, Self.hello, 0..<50, 0..<50, 20..<40, 30..<90, 90..<Self.hello.count, 3..<7)
    let handshake = reader.finish(index)
    let otherHandshake = reader.finish(other)
    #expect(handshake != nil && otherHandshake == handshake)
    #expect(handshake?.version == 0)
  }

  @Test("of a stream with a gap in the hello are not told, the other side's are")
  func gap() throws {
    var reader = TLSHandshakeReader()
    let index = reader.attach()
    append(&reader, index, .server, Self.hello, 0..<50, 51..<Self.hello.count)
    append(&reader, index, .client, Self.answer, Self.answer.indices)
    let told = reader.finish(index)
    let handshake = try #require(told)
    #expect(handshake.ja3.isEmpty && handshake.serverName.isEmpty && !handshake.ja3s.isEmpty)
  }

  @Test("are none of a flow that is no TLS, nor of the one whose place it takes")
  func others() {
    var reader = TLSHandshakeReader()
    let index = reader.attach()
    append(&reader, index, .server, Self.hello, 0..<100)
    let incomplete = reader.finish(index)
    let next = reader.attach()
    #expect(incomplete == nil && next == index)
    let request = Array("GET / HTTP/1.1\r\n\r\n".utf8)
    append(&reader, next, .server, request, request.indices)
    let none = reader.finish(next)
    #expect(none == nil)
  }
}
