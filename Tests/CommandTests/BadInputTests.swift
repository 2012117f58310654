import Foundation
import Testing

@Suite("Bad input is said in one line, and what was read is not lost")
struct BadInputTests {
  private func oneLine(_ run: CommandProcess) -> Bool { run.messages.split(separator: "\n").count == 1 }

  private func write(_ data: Data) throws -> URL {
    let file = try CommandProcess.temporaryFolder().appendingPathComponent("capture.pcap")
    try data.write(to: file)
    return file
  }

  @Test("a missing file") func missing() throws {
    let run = try CommandProcess.run("replay", "/no/such/capture.pcap")
    #expect(run.status == 1)
    #expect(run.messages.contains("/no/such/capture.pcap") && run.messages.contains("No such file"))
    #expect(oneLine(run))
  }

  @Test("a directory") func directory() throws {
    let run = try CommandProcess.run("replay", CommandProcess.root.path)
    #expect(run.status == 1 && run.messages.contains("directory") && oneLine(run))
  }

  @Test("a file that is no capture") func noCapture() throws {
    let run = try CommandProcess.run("replay", CommandProcess.root.appendingPathComponent("Package.swift").path)
    #expect(run.status == 1 && run.messages.contains("not a capture") && oneLine(run))
  }

  @Test("an empty file") func empty() throws {
    let file = try write(Data())
    let run = try CommandProcess.run("replay", file.path)
    #expect(run.status == 1 && oneLine(run))
  }

  @Test("a capture that is cut off gives the records of what was read") func truncated() throws {
    let whole = try Data(contentsOf: URL(fileURLWithPath: CommandProcess.trace("http")))
    let file = try write(whole.prefix(whole.count - 11))
    let run = try CommandProcess.run("replay", "--quiet", "--conn-log", "-", file.path)
    #expect(run.status == 1)
    #expect(run.messages.contains("truncated at packet") && run.messages.contains("byte") && oneLine(run))
    #expect(!run.records.isEmpty)
  }

  @Test("a record of absurd length") func absurdLength() throws {
    var data = try Data(contentsOf: URL(fileURLWithPath: CommandProcess.trace("http")))
    data.replaceSubrange(32..<40, with: [0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f])
    let run = try CommandProcess.run("replay", "--quiet", try write(data).path)
    #expect(run.status == 1 && oneLine(run))
    #expect(run.messages.contains("packet 1"))
  }

  @Test("a link type that is not known is refused by name") func linkType() throws {
    var data = try Data(contentsOf: URL(fileURLWithPath: CommandProcess.trace("http")))
    data.replaceSubrange(20..<24, with: [220, 0, 0, 0])
    let run = try CommandProcess.run("replay", try write(data).path)
    #expect(run.status == 1 && run.messages.contains("220") && run.messages.contains("USB") && oneLine(run))
  }

  @Test("a filter that does not compile") func filter() throws {
    let run = try CommandProcess.run("replay", "--filter", "tcp prot 80", CommandProcess.trace("http"))
    #expect(run.status == 2 && run.messages.contains("tcp prot 80") && oneLine(run))
  }

  @Test("a full disk for the records") func fullDisk() throws {
    let run = try CommandProcess.run("replay", "--quiet", "--conn-log", "/dev/full", CommandProcess.trace("mixed"))
    #expect(run.status == 3 && run.messages.contains("No space left") && oneLine(run))
  }

  @Test("a folder for records that does not exist") func noFolder() throws {
    let run = try CommandProcess.run("replay", "--conn-log", "/no/such/conn.log", CommandProcess.trace("http"))
    #expect(run.status == 3 && run.messages.contains("/no/such/conn.log") && oneLine(run))
  }

  @Test("one good capture among bad ones is read") func oneGood() throws {
    let whole = try Data(contentsOf: URL(fileURLWithPath: CommandProcess.trace("tls")))
    let cut = try write(whole.prefix(whole.count / 2))
    let alone = try CommandProcess.run("replay", "--quiet", "--conn-log", "-", CommandProcess.trace("http"))
    let run = try CommandProcess.run(
      "replay", "--quiet", "--conn-log", "-", cut.path, CommandProcess.trace("http"))
    #expect(run.status == 1)
    #expect(run.records.count > alone.records.count)
  }

  @Test("an interrupt ends the replay with the records of what was read", arguments: [1, 2])
  func interrupt(workers: Int) throws {
    let run = try CommandProcess.run(
      [
        "replay", "--quiet", "--speed", "0.001x", "--workers", "\(workers)", "--conn-log", "-",
        CommandProcess.trace("http"),
      ]
    ) { process in
      Thread.sleep(forTimeInterval: 1)
      process.interrupt()
    }
    #expect(run.status == 130)
    #expect(run.messages.contains("interrupted") && oneLine(run))
    #expect(!run.records.isEmpty)
  }
}
