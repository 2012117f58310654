import EventDSL

/// What one middlebox of a run came to: the packets that it dropped, and what it says for itself.
public struct MiddleboxSummary: Sendable, Equatable {
  /// The middlebox.
  public var name: String
  /// Packets that it dropped.
  public var dropped: UInt64
  /// What it says.
  public var summary: Summary?

  /// A summary from its parts.
  public init(name: String, dropped: UInt64 = 0, summary: Summary? = nil) {
    self.name = name
    self.dropped = dropped
    self.summary = summary
  }

  /// Appends it as an object: the tables are arrays of objects, named as the tables and with the columns' names. Values
  /// that there are none of are left out; names of times end with `_us`.
  public func appendJSON(to text: inout RecordText) {
    text.beginObject()
    text.member("name", string: name)
    text.member("dropped", dropped)
    for table in summary?.tables ?? [] {
      text.key(table.name)
      text.beginArray()
      for row in table.rows {
        text.beginObject()
        for (column, value) in zip(table.columns, row) {
          switch value {
          case .none: break
          case .count(let number), .bytes(let number): text.member(column, number)
          case .microseconds(let number): text.member(name: "\(column)_us", number)
          case .text(let string): text.member(column, string: string)
          }
        }
        text.endObject()
      }
      text.endArray()
      if !table.note.isEmpty { text.member(name: "\(table.name)_note", string: table.note) }
    }
    text.endObject()
  }
}

extension MiddleboxSummary: CustomStringConvertible {
  /// Tables for people, with a line feed at the end; empty when there is nothing to say.
  public var description: String {
    var text = ""
    if dropped > 0 { text += "\(name): \(SummaryLines.grouped(dropped)) packets dropped\n" }
    for table in summary?.tables ?? [] where !table.rows.isEmpty {
      let note = table.note.isEmpty ? "" : ": \(table.note)"
      text += "\n\(name), \(SummaryLines.spaced(table.name))\(note)\n" + table.lines
    }
    return text
  }
}

extension Summary.Table {
  /// The columns' names and the rows, aligned: numbers to the right, texts to the left.
  fileprivate var lines: String {
    // A column without a value says nothing.
    let shown = columns.indices.filter { column in rows.contains { $0[column] != .none } }
    let isText = columns.indices.map { column in rows.contains { $0[column].isText } }
    let cells = [columns.map(SummaryLines.spaced)] + rows.map { $0.map(\.shown) }
    let widths = columns.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
    return cells.map { row in
      let padded = shown.map { column in
        let padding = String(repeating: " ", count: widths[column] - row[column].count)
        return isText[column] ? row[column] + padding : padding + row[column]
      }
      let line = "  " + padded.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
    }.joined()
  }
}

extension Summary.Value {
  fileprivate var isText: Bool {
    if case .text = self { true } else { false }
  }

  /// For people.
  fileprivate var shown: String {
    switch self {
    case .none: return "-"
    case .count(let count): return SummaryLines.grouped(count)
    case .bytes(let count): return SummaryLines.bytes(count)
    case .microseconds(let time): return SummaryLines.time(microseconds: time)
    case .text(let string):
      var text = RecordText(capacity: 256)
      text.appendEscaped(string: string)
      return String(decoding: text.bytes, as: UTF8.self)
    }
  }
}

extension SummaryLines {
  /// A time in a unit that makes it short.
  static func time(microseconds time: UInt64) -> String {
    switch time {
    case ..<1000: "\(time) us"
    case ..<1_000_000: "\(decimal(time / 100)) ms"
    default: "\(decimal(time / 100_000)) s"
    }
  }
}
