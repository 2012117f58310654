import Foundation
import Testing

@Suite("ICMP errors")
struct ICMPErrorTests {
  /// A capture of raw IPv4 in which one host says of each of `ports` that it is unreachable.
  private func portUnreachable(_ ports: Range<UInt16>) -> Data {
    var capture = Data()
    func append32(_ values: UInt32...) {
      for value in values { withUnsafeBytes(of: value.littleEndian) { capture.append(contentsOf: $0) } }
    }
    func header(length: UInt8, protocolNumber: UInt8, from: UInt8, to: UInt8) -> [UInt8] {
      [0x45, 0, 0, length, 0, 0, 0, 0, 64, protocolNumber, 0, 0, 192, 0, 2, from, 192, 0, 2, to]
    }
    append32(0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 101)
    for port in ports {
      append32(1_700_000_000 + UInt32(port), 0, 56, 56)
      capture.append(contentsOf: header(length: 56, protocolNumber: 1, from: 2, to: 1))
      capture.append(contentsOf: [3, 3, 0, 0, 0, 0, 0, 0])
      capture.append(contentsOf: header(length: 36, protocolNumber: 17, from: 1, to: 2))
      capture.append(contentsOf: [0x9c, 0x40, UInt8(port >> 8), UInt8(port & 0xff), 0, 16, 0, 0])
    }
    return capture
  }

  @Test("errors of one host to another are one record, whichever ports they are about", arguments: [1, 2, 3, 7])
  func oneRecord(workers: Int) throws {
    let run = try CommandProcess.run(
      ["replay", "--quiet", "--conn-log", "-", "--checksum", "ignore", "--workers", "\(workers)", "-"],
      input: portUnreachable(1..<33))
    #expect(run.status == 0 && run.records.count == 1)
    let record = try #require(run.records.first)
    #expect(record["proto"] as? String == "icmp" && record["orig_pkts"] as? Int == 32)
    #expect(record["id.orig_p"] as? Int == 3 && record["id.resp_p"] as? Int == 3)
  }
}
