import EventDSL
import Foundation
import PacketIO
import TestSupport
import Testing

/// An article of the documentation catalogue, for what it says that its code reports.
struct Article {
  /// What stands in its `text` blocks, in their order.
  let outputs: [[String]]

  /// The article in the catalogue's file `name`.
  init(_ name: String) throws {
    let catalogue = SharedMaterial.packageRoot.appendingPathComponent("Sources/EventDSL/EventDSL.docc")
    let text = try String(contentsOf: catalogue.appendingPathComponent(name + ".md"), encoding: .utf8)
    var outputs: [[String]] = []
    var isOutput = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line == "```text" {
        isOutput = true
        outputs.append([])
      } else if line == "```" {
        isOutput = false
      } else if isOutput {
        outputs[outputs.count - 1].append(String(line))
      }
    }
    self.outputs = outputs
  }
}

/// What middleboxes did with a capture of `traces/`.
struct Playback {
  private(set) var reports: [String] = []
  /// What their filters dropped.
  private(set) var dropped: UInt64 = 0

  private final class Reports {
    var texts: [String] = []
  }

  /// Where a capture of `traces/` is.
  static func path(of capture: String) -> String {
    SharedMaterial.packageRoot.appendingPathComponent("traces/\(capture).pcap").path
  }

  /// Plays a capture through a row of middleboxes.
  init(_ middleboxes: any Middlebox..., on capture: String) throws {
    let reports = Reports()
    var engine = try EventEngine(middleboxes) { reports.texts.append($0.text) }
    var trace = try TraceReader(paths: [Playback.path(of: capture)])
    engine.play(&trace)
    self.reports = reports.texts
    dropped = engine.statistics.dropped
  }
}
