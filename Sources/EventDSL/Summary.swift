/// What a middlebox says at the end of a run: tables, which whoever runs the engine shows to people and to programs.
///
///     static func summary(of boxes: [Self]) -> Summary? {
///       let total = boxes.reduce(0) { $0 + $1.count.value }
///       return Summary([.init("streams", ["streams", "bytes"], [[.count(total), .bytes(bytes)]])])
///     }
///
/// Names of tables and columns are written with small letters and underscores: programs get them as they are, people
/// with spaces.
public struct Summary: Sendable, Equatable {
  /// One value.
  public enum Value: Sendable, Hashable {
    /// Nothing.
    case none
    /// How many.
    case count(UInt64)
    /// How many bytes.
    case bytes(UInt64)
    /// A time.
    case microseconds(UInt64)
    /// A text of any content.
    case text(String)
  }

  /// One table.
  public struct Table: Sendable {
    /// Its name.
    public var name: StaticString
    /// The names of its columns.
    public var columns: [StaticString]
    /// Its rows, each with a value for each column.
    public var rows: [[Value]]
    /// What people should know beside it; empty for nothing.
    public var note: String

    /// A table from its parts.
    public init(_ name: StaticString, _ columns: [StaticString], _ rows: [[Value]], note: String = "") {
      self.name = name
      self.columns = columns
      self.rows = rows
      self.note = note
    }
  }

  /// The tables in their order.
  public var tables: [Table]

  /// A summary of some tables.
  public init(_ tables: [Table]) { self.tables = tables }
}

extension Summary.Table: Equatable {
  /// Whether all parts are the same.
  public static func == (left: Self, right: Self) -> Bool {
    "\(left.name)" == "\(right.name)" && left.columns.map { "\($0)" } == right.columns.map { "\($0)" }
      && left.rows == right.rows && left.note == right.note
  }
}

extension Middlebox {
  /// What this middlebox says at the end of a run together with `others`, those of other workers' engines that are of
  /// its type.
  public func summary(with others: [any Middlebox]) -> Summary? {
    Self.summary(of: [self] + others.compactMap { $0 as? Self })
  }
}
