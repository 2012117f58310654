import Foundation
import Testing

/// A run of the `mos` that was built with the tests.
struct CommandProcess {
  var status: Int32
  var output: String
  var messages: String

  /// The project's folder.
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// One of the project's own captures.
  static func trace(_ name: String) -> String { root.appendingPathComponent("traces/\(name).pcap").path }

  /// `mos`, beside the test bundle.
  static var executable: URL {
    let folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    return folder.appendingPathComponent("mos")
  }

  /// Runs `mos` with `arguments` to its end. `whileRunning` is called with the process after it was started. A shell
  /// that becomes `mos` runs the commands in `before` first.
  static func run(
    _ arguments: [String], before: String = ":", input: Data? = nil, whileRunning: ((Process) -> Void)? = nil
  ) throws -> CommandProcess {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "\(before) && exec \"$0\" \"$@\"", executable.path] + arguments
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let output = folder.appendingPathComponent("output")
    let messages = folder.appendingPathComponent("messages")
    for file in [output, messages] { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: messages)
    if let input {
      let file = folder.appendingPathComponent("input")
      try input.write(to: file)
      process.standardInput = try FileHandle(forReadingFrom: file)
    }
    try process.run()
    whileRunning?(process)
    process.waitUntilExit()
    return CommandProcess(
      status: process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus,
      output: try String(contentsOf: output, encoding: .utf8),
      messages: try String(contentsOf: messages, encoding: .utf8))
  }

  static func run(_ arguments: String...) throws -> CommandProcess { try run(arguments) }

  /// A new folder for a test's files.
  static func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("mos-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  /// The lines of `output` as JSON objects.
  var records: [[String: Any]] {
    output.split(separator: "\n").compactMap {
      try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
  }
}
