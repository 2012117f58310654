import MOSCore

@testable import Middleboxes

/// What happens to a flow.
enum HTTPStep {
  case sends(Side, [UInt8])
  case loses(Side, UInt64)
  case closes(Side)

  static func client(_ text: String) -> HTTPStep { .sends(.client, Array(text.utf8)) }
  static func server(_ text: String) -> HTTPStep { .sends(.server, Array(text.utf8)) }
}

/// A conversation and what an inspector hands out of it.
struct HTTPFixture {
  typealias Entry = HTTPTranscript.Entry

  var steps: [HTTPStep]
  var limits = HTTPLimits()

  init(_ steps: HTTPStep...) { self.steps = steps }

  init(_ steps: [HTTPStep], limits: HTTPLimits = HTTPLimits()) {
    self.steps = steps
    self.limits = limits
  }

  /// All that is handed out when each step's bytes come in the pieces into which `cut` cuts them.
  func entries(_ cut: (Int) -> [Int] = { [$0] }) -> [Entry] { play(cut).entries }

  /// Buffers of a message by their keywords, of what is handed out whole.
  func buffers(of transaction: UInt32 = 0, _ sender: Side = .client) -> [String: String] {
    var buffers: [String: String] = [:]
    for entry in entries() where entry.transaction == transaction && entry.sender == sender {
      buffers[entry.name] = (buffers[entry.name].map { $0 + "|" } ?? "") + entry.text
    }
    return buffers
  }

  /// All values of a buffer, in order.
  func values(_ name: String) -> [String] { entries().filter { $0.name == name }.map(\.text) }

  /// What is said of the messages.
  var anomalies: [String] { entries().map(\.name).filter { $0.hasPrefix("!") } }

  func play(_ cut: (Int) -> [Int] = { [$0] }) -> (entries: [Entry], isHTTP: Bool, isInspected: Bool) {
    var transcript = HTTPTranscript(limits: limits)
    for step in steps {
      switch step {
      case .sends(let side, let bytes):
        var start = 0
        for length in cut(bytes.count) {
          // A copy, so that whoever reads behind it or keeps it is caught by the sanitizer.
          Array(bytes[start..<start + length]).withUnsafeBytes { transcript.take($0, from: side) }
          start += length
        }
      case .loses(let side, let count): transcript.skip(count, from: side)
      case .closes(let side): transcript.finish(side)
      }
    }
    let isInspected = transcript.isInspected
    transcript.end()
    return (transcript.entries, transcript.isHTTP, isInspected)
  }
}

extension HTTPTranscript.Entry {
  /// The bytes as Latin-1, one character each.
  var text: String { String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) })) }
}
