import DualStackTracker
import MOSCore

extension ReplayStatistics {
  /// The summary for people: a line or a few for each subject, counts of zero left out, with a line feed at the end.
  public var description: String {
    var lines = [packetLine]
    let kinds = PacketKind.allCases.map { ("\($0)", self[$0]) }
    lines += SummaryLines.list("", kinds)
    let flows = tracker.flows.map { ("\($0.name)", $0.count) }
    lines += SummaryLines.list(
      "flows",
      flows + [
        ("closed by both ends", tracker.closedFlows), ("evicted", tracker.evictedFlows),
        ("packets without a flow", tracker.orphanPackets),
      ])
    lines += SummaryLines.list("TCP bytes", tracker.payload.map { ("\($0.name)", $0.bytes) })
    lines += SummaryLines.list("events", EventKind.allCases.map { ($0.name, self[$0]) })
    lines += SummaryLines.list("anomalies", Anomaly.allCases.map { ($0.name, self[$0]) })
    lines += SummaryLines.list("dropped", [("packets", dropped)])
    lines += SummaryLines.list(
      "boxes", (middleboxes?.counters ?? []).map { (SummaryLines.words($0.name).joined(separator: " "), $0.count) })
    lines += SummaryLines.list("workers", [("", workers > 1 ? workers : 0)])
    if peakAnonymousBytes > 0 { lines.append(SummaryLines.label("memory") + SummaryLines.bytes(peakAnonymousBytes)) }
    if loops > 1 {
      let total = SummaryLines.decimal(picosecondsPerPacket / 100)
      let best = fastestPicosecondsPerPacket / 100
      let suffix = best > 0 ? ", \(SummaryLines.decimal(best)) in the fastest" : ""
      lines.append(SummaryLines.label("loops") + "\(SummaryLines.grouped(loops)): \(total) ns a packet\(suffix)")
    }
    if let sender = checksums.suspect {
      let (wrong, all) = (SummaryLines.grouped(sender.wrong), SummaryLines.grouped(sender.packets))
      lines.append(
        "\(wrong) of \(all) packets from \(sender.address) have wrong TCP checksums: captured with offload? "
          + "use --checksum ignore")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private var packetLine: String {
    let count = "\(SummaryLines.grouped(packets)), \(SummaryLines.bytes(bytes))"
    guard elapsedNanoseconds > 0 else { return SummaryLines.label("packets") + count }
    let milliseconds = elapsedNanoseconds / 1_000_000
    let seconds = "\(milliseconds / 1000).\(String(milliseconds % 1000 + 1000).dropFirst())"
    return SummaryLines.label("packets") + count
      + " in \(seconds) s: \(SummaryLines.grouped(packetsPerSecond)) packets/s, \(SummaryLines.bytes(bytesPerSecond))/s"
  }
}

/// How the summary's lines are made.
enum SummaryLines {
  static let labelWidth = 11
  static let lineWidth = 100

  /// A line's first word, padded so that what follows is aligned.
  static func label(_ name: String) -> String {
    name + String(repeating: " ", count: max(1, labelWidth - name.count))
  }

  /// Names and their counts, those of zero left out, in as many lines as it takes; none where nothing is left.
  static func list(_ name: String, _ counts: [(String, UInt64)]) -> [String] {
    var lines: [String] = []
    var line = label(name)
    var isEmpty = true
    for (name, count) in counts where count > 0 {
      let item = name.isEmpty ? grouped(count) : "\(name) \(grouped(count))"
      if !isEmpty && line.count + 2 + item.count > lineWidth {
        lines.append(line + ",")
        line = label("")
        isEmpty = true
      }
      line += isEmpty ? item : ", " + item
      isEmpty = false
    }
    return isEmpty ? lines : lines + [line]
  }

  /// A name for people.
  static func spaced(_ name: StaticString) -> String {
    String("\(name)".map { $0 == "_" ? " " : $0 })
  }

  /// The words that a property's name is made of, with small letters.
  static func words(_ name: String) -> [String] {
    name.reduce(into: [""]) { words, letter in
      if letter.isUppercase { words.append("") }
      words[words.count - 1] += letter.lowercased()
    }
  }

  /// A number with its digits in groups of three.
  static func grouped(_ value: UInt64) -> String {
    var digits = String(value)
    var end = digits.count - 3
    while end > 0 {
      digits.insert(",", at: digits.index(digits.startIndex, offsetBy: end))
      end -= 3
    }
    return digits
  }

  /// A number of tenths, with one decimal.
  static func decimal(_ tenths: UInt64) -> String { "\(grouped(tenths / 10)).\(tenths % 10)" }

  /// A number of bytes in a unit that makes it short: decimal units, as links and disks are measured.
  static func bytes(_ count: UInt64) -> String {
    var unit: UInt64 = 1
    var names: ArraySlice = ["bytes", "kB", "MB", "GB", "TB", "PB"]
    while names.count > 1 && count / unit >= 1000 {
      unit *= 1000
      names = names.dropFirst()
    }
    return unit == 1 ? "\(count) bytes" : "\(decimal(count / (unit / 10))) \(names[names.startIndex])"
  }
}
