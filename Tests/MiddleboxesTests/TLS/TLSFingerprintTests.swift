import MOSCore
import Testing

@testable import Middleboxes

@Suite("Fingerprints of TLS")
struct TLSFingerprintTests {
  private typealias Hello = TLSHelloFixture

  @Test("JA4 of Chrome is what FoxIO's description has as its example")
  func chrome() {
    let buffers = TLSFixture(.client(.chrome)).buffers
    #expect(buffers["ja4.hash"] == "t13d1516h2_8daaf6152771_e5627efa2ab1")
    #expect(buffers["tls.sni"] == "www.example.com")
    #expect(
      buffers["ja3.string"]
        == "771,4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-49172-156-157-47-53,"
        + "27-0-51-16-17513-23-45-13-5-35-18-43-65281-11-10-21,29-23-24,0")
  }

  @Test("JA3 has the MD5 of the examples of its description")
  func examplesOfJA3() {
    var hello = Hello()
    hello.version = 0x0301
    hello.ciphers = [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4]
    hello.extensions = [Hello.names("a"), (10, Hello.part16(Hello.list([23, 24, 25]))), (11, [1, 0])]
    var buffers = TLSFixture(.client(hello)).buffers
    #expect(buffers["ja3.string"] == "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0")
    #expect(buffers["ja3.hash"] == "ada70206e40642a3e4461f35503241d5")

    hello.ciphers = [4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99]
    hello.extensions = []
    buffers = TLSFixture(.client(hello)).buffers
    #expect(buffers["ja3.string"] == "769,4-5-10-9-100-98-3-6-19-18-99,,,")
    #expect(buffers["ja3.hash"] == "de350869b8c85de67a350c8d186f11e6")
    #expect(buffers["ja4.hash"]?.hasPrefix("t10i110000_") == true)
    #expect(buffers["ja4.hash"]?.hasSuffix("_000000000000") == true)
  }

  @Test("JA3S has the version, the cipher and the extensions of the server")
  func server() {
    var hello = Hello()
    hello.type = 2
    hello.version = 0x0301
    hello.ciphers = [47]
    hello.extensions = [65281, 0, 11, 35, 5, 16].map { ($0, []) }
    let buffers = TLSFixture(.server(hello)).buffers
    #expect(buffers["ja3s.string"] == "769,47,65281-0-11-35-5-16")
    #expect(buffers["ja3s.hash"] == "836ce314215654b5b1f85f97c73e506f")
    #expect(buffers["tls.sni"] == nil)
    #expect(buffers["ja3.hash"] == nil)
  }

  @Test("of a client that has only GREASE have no numbers")
  func onlyGREASE() {
    var hello = Hello()
    hello.ciphers = [0x0a0a, 0xfafa]
    hello.extensions = [(0x5a5a, [])]
    let buffers = TLSFixture(.client(hello)).buffers
    #expect(buffers["ja3.string"] == "771,,,,")
    #expect(buffers["ja4.hash"] == "t12i000000_000000000000_000000000000")
  }

  @Test("GREASE is two equal bytes that end with a")
  func grease() {
    let values = (UInt16.min...UInt16.max).filter(TLSHello.isGREASE)
    #expect(values == (0..<16).map { UInt16($0) * 0x1010 + 0x0a0a })
  }

  @Test(
    "JA4 has the first and the last character of the first protocol, of its hexadecimal form where one is no letter or digit",
    arguments: [
      (Array("h2".utf8), "h2"), (Array("http/1.1".utf8), "h1"), ([0xab], "ab"), ([0xab, 0xcd], "ad"),
      ([0x30, 0xab], "3b"), ([0x30, 0x31, 0xab, 0xcd], "3d"), ([0x30, 0xab, 0xcd, 0x31], "01"), (Array("x".utf8), "xx"),
      ([], "00"),
    ] as [([UInt8], String)])
  func protocolNames(_ name: [UInt8], _ ends: String) {
    var hello = Hello()
    hello.extensions = [Hello.protocols(name, Array("zz".utf8))]
    #expect(TLSFixture(.client(hello)).buffers["ja4.hash"]?.hasPrefix("t12i0101\(ends)_") == true)
  }

  @Test("JA4 counts to 99 at most")
  func many() {
    var hello = Hello()
    hello.ciphers = (0..<120).map { 0x1000 + $0 }
    hello.extensions = (0..<101).map { (0x5000 + $0, []) }
    #expect(TLSFixture(.client(hello)).buffers["ja4.hash"]?.hasPrefix("t12i999900_") == true)
  }

  @Test(
    "JA4 has the highest version that the client offers, not the first",
    arguments: [
      ([0x0303, 0x0304], "13"), ([0x0302, 0x0303], "12"), ([0x0301, 0x0302], "11"), ([0x0301], "10"),
      ([0x0300], "s3"), ([0x7f1c], "00"), ([0xdada, 0x0304], "13"), ([], "12"),
    ] as [([UInt16], String)])
  func offeredVersions(_ versions: [UInt16], _ name: String) {
    var hello = Hello()
    hello.extensions = [(43, Hello.part8(Hello.list(versions)))]
    #expect(TLSFixture(.client(hello)).buffers["ja4.hash"]?.hasPrefix("t\(name)i010100_") == true)
  }

  @Test("that nobody wants are not made")
  func unwanted() {
    var limits = TLSLimits()
    limits.buffers = 1 << UInt64(InspectionBuffer.ja4Hash.rawValue)
    #expect(
      TLSFixture(.client(.chrome), .server(.answer), limits: limits).buffers.keys.sorted() == ["end", "ja4.hash"])
  }
}
