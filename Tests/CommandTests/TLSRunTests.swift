import Foundation
import Testing

@Suite("mos replay --tls")
struct TLSRunTests {
  private static let names = ["tls_version", "server_name", "ja3", "ja3s", "ja4"]

  @Test("connection records tell the version and fingerprints, for one worker or several", arguments: [1, 3])
  func connectionRecords(workers: Int) throws {
    let run = try CommandProcess.run(
      "replay", "--quiet", "--tls", "--conn-log", "-", "--workers", "\(workers)", CommandProcess.trace("tls"))
    #expect(run.status == 0)
    #expect(run.records.compactMap { $0["tls_version"] as? String } == ["TLSv12", "TLSv12"])
    // As tshark has it, and JA4 made of what tshark tells. The client asked for an address, which is no name.
    #expect(run.records.allSatisfy { $0["server_name"] == nil })
    #expect(
      run.records.compactMap { $0["ja3"] as? String }
        == ["78f0dc5ac5b19daf131a133cfdee9691", "a800670a9e75f9768d052dd7f0be5728"])
    #expect(
      run.records.compactMap { $0["ja3s"] as? String }
        == ["405adaa88faa24941b8a00ebff13546a", "405adaa88faa24941b8a00ebff13546a"])
    #expect(
      run.records.compactMap { $0["ja4"] as? String }
        == ["t13i3111h2_e8f1e7e78f70_b26ce05bbdd6", "t12i2806h2_d943125447b4_a44c6288192a"])
  }

  @Test("EVE's flows have them as an object, and other connections have none")
  func eve() throws {
    let run = try CommandProcess.run("replay", "--quiet", "--tls", "--eve", "-", CommandProcess.trace("mixed"))
    let flows = run.records.filter { $0["event_type"] as? String == "flow" }
    let found = flows.filter { $0["tls"] != nil }
    #expect(!found.isEmpty && found.count < flows.count)
    for flow in found {
      #expect(flow["dest_port"] as? Int == 443 && flow["app_proto"] as? String == "tls")
      #expect((flow["tls"] as? [String: Any])?["ja4"] is String)
    }
  }

  @Test("together with digests and files of the streams they are the same")
  func withOthers() throws {
    let folder = try CommandProcess.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let alone = try CommandProcess.run("replay", "--quiet", "--tls", "--conn-log", "-", CommandProcess.trace("tls"))
    let both = try CommandProcess.run(
      "replay", "--quiet", "--tls", "--stream-hash", "--extract", folder.path, "--conn-log", "-",
      CommandProcess.trace("tls"))
    for name in Self.names {
      #expect(both.records.map { $0[name] as? String } == alone.records.map { $0[name] as? String })
    }
    #expect(both.records.allSatisfy { $0["orig_sha256"] is String })
  }

  @Test("without the option nobody hears of them, and without records it is refused")
  func withoutOption() throws {
    let run = try CommandProcess.run("replay", "--quiet", "--conn-log", "-", CommandProcess.trace("tls"))
    #expect(run.records.count == 2)
    #expect(run.records.allSatisfy { Set($0.keys).isDisjoint(with: Self.names) })
    let refused = try CommandProcess.run("replay", "--tls", CommandProcess.trace("tls"))
    #expect(refused.status == 2 && refused.messages.contains("--tls"))
  }
}
