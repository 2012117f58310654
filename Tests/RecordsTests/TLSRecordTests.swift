import Foundation
import Testing

@testable import DualStackTracker
@testable import MOSCore
@testable import Records

@Suite("What TLS handshakes tell, in records")
struct TLSRecordTests {
  private static let names = ["tls_version", "server_name", "ja3", "ja3s", "ja4"]

  private func handshake(_ name: [UInt8] = Array("www.example.com".utf8)) -> TLSHandshake {
    var handshake = TLSHandshake()
    handshake.setServerName(name)
    handshake.version = 0x0304
    handshake.ja3 = Array("ada70206e40642a3e4461f35503241d5".utf8)
    handshake.ja3s = Array("836ce314215654b5b1f85f97c73e506f".utf8)
    handshake.ja4 = Array("t13d1516h2_8daaf6152771_e5627efa2ab1".utf8)
    return handshake
  }

  private func connection(_ tls: TLSHandshake?, _ format: ConnectionLogFormat = .json, hasTLS: Bool = true) -> String {
    var record = flow()
    let log = ConnectionLog(format: format, hasTLS: hasTLS)
    return written { log.append(&record, tls: tls, to: &$0) }
  }

  private func columns(_ tls: TLSHandshake?) -> [Substring] {
    Array(connection(tls, .zeek).dropLast().split(separator: "\t", omittingEmptySubsequences: false).suffix(5))
  }

  @Test("are fields of connection records, named as in Zeek's ssl.log")
  func connectionRecord() throws {
    let object = try parsed(connection(handshake()))
    let values = Self.names.map { object[$0] as? String ?? "" }
    #expect(
      values == [
        "TLSv13", "www.example.com", "ada70206e40642a3e4461f35503241d5", "836ce314215654b5b1f85f97c73e506f",
        "t13d1516h2_8daaf6152771_e5627efa2ab1",
      ])
    #expect(columns(handshake()).map(String.init) == values)
  }

  @Test("are unset for other connections, and are not there unless they are asked for")
  func unset() throws {
    #expect(Set(try parsed(connection(nil)).keys).isDisjoint(with: Self.names))
    #expect(Set(try parsed(connection(TLSHandshake())).keys).isDisjoint(with: Self.names))
    #expect(columns(nil) == ["-", "-", "-", "-", "-"])
    #expect(Set(try parsed(connection(handshake(), hasTLS: false)).keys).isDisjoint(with: Self.names))
  }

  @Test("have columns in Zeek's header")
  func header() {
    let log = ConnectionLog(format: .zeek, hasTLS: true)
    let lines = written { log.appendHeader(opened: Timestamp(nanoseconds: 0), to: &$0) }.split(separator: "\n")
    #expect(lines[6].split(separator: "\t").suffix(5).map(String.init) == Self.names)
    #expect(lines[7].split(separator: "\t").suffix(5) == ["string", "string", "string", "string", "string"])
  }

  @Test("have a hostile name escaped, and no more of it than a name can have")
  func hostileNames() throws {
    let name: [UInt8] = [0x09, 0x0a, 0x22, 0x5c, 0x78, 0x00, 0x1b, 0x7f, 0xff, 0xc3, 0xa4]
    let text = "\\x09\\x0a\"\\\\x\\x00\\x1b\\x7f\\xff\\xc3\\xa4"
    #expect(columns(handshake(name))[1] == text)
    #expect(try parsed(connection(handshake(name)))["server_name"] as? String == text)
    #expect(columns(handshake([0x2d]))[1] == "\\x2d")
    for byte in [0xff, 0x5c, 0x61] as [UInt8] {
      let long = handshake([UInt8](repeating: byte, count: 65_535))
      #expect(long.serverName.count == 255)
      let value = try #require(try parsed(connection(long))["server_name"] as? String)
      #expect(value.count == 255 * (byte == 0xff ? 4 : byte == 0x5c ? 2 : 1))
    }
  }

  @Test("are an object of EVE's flow record, as in Suricata's tls records")
  func eve() throws {
    var record = flow()
    let object = try parsed(written { EVE.append(flow: &record, tls: handshake(), to: &$0) })
    #expect(object["app_proto"] as? String == "tls")
    let tls = try #require(object["tls"] as? NSDictionary)
    #expect(
      tls == [
        "sni": "www.example.com", "version": "TLS 1.3", "ja3": ["hash": "ada70206e40642a3e4461f35503241d5"],
        "ja3s": ["hash": "836ce314215654b5b1f85f97c73e506f"], "ja4": "t13d1516h2_8daaf6152771_e5627efa2ab1",
      ])
    let only = try parsed(written { EVE.append(flow: &record, tls: TLSHandshake(), to: &$0) })
    #expect(only["tls"] as? NSDictionary == ["version": "UNDETERMINED"])
    let none = try parsed(written { EVE.append(flow: &record, to: &$0) })
    #expect(none["tls"] == nil && none["app_proto"] == nil)
  }

  @Test(
    "name versions as Zeek and Suricata do",
    arguments: [
      (0x0002, "SSLv2", "SSLv2"), (0x0300, "SSLv3", "SSLv3"), (0x0301, "TLSv10", "TLSv1"),
      (0x0302, "TLSv11", "TLS 1.1"), (0x0303, "TLSv12", "TLS 1.2"), (0x0304, "TLSv13", "TLS 1.3"),
      (0x7f1c, "unknown", "UNDETERMINED"),
    ] as [(UInt16, String, String)])
  func versions(_ version: UInt16, _ zeek: String, _ suricata: String) {
    var handshake = TLSHandshake()
    handshake.version = version
    #expect(handshake.zeekVersion?.description == zeek)
    #expect(handshake.suricataVersion.description == suricata)
  }
}
