/// What a file in YAML says that `mos inline` is to do (docs/mos.yaml): values of options by the options' names, and the row of
/// middleboxes. What a value stands for is for its user to find out; places are kept for the errors about it.
public struct InlineConfiguration: Sendable {
  /// Something that the file says, and where.
  public struct Value: Sendable {
    /// What stands there; `yes` or `no` for a switch.
    public var text: String
    let place: YAMLNode.Place
  }

  /// A middlebox of the row.
  public struct Middlebox: Sendable {
    /// What it is called.
    public var name: Value
    /// The path of its own configuration; nil where none is named.
    public var configuration: Value?
  }

  /// The file's name as it was given.
  public let file: String
  /// The middleboxes, in their row.
  public internal(set) var middleboxes: [Middlebox] = []
  private var values: [String: [Value]] = [:]

  /// Reads a file. Throws the first error in it, with line and column.
  public init(path: String) throws(ConfigurationError) {
    try self.init(bytes: try ConfigurationFileBytes.read(path), file: path)
  }

  /// The same from a file's bytes. `file` is the name for error messages, and where relative paths begin.
  public init(bytes: [UInt8], file: String) throws(ConfigurationError) {
    self.file = file
    guard let root = try YAMLNode.document(bytes, file: file, kind: .inline), !root.isEmpty else {
      throw ConfigurationError(file: file, reason: "is empty, expected at least `ports`")
    }
    try InlineConfigurationReader(file: file).read(root, into: &self)
  }

  /// What the file says of an option; empty where it says nothing.
  public subscript(option: String) -> [Value] { values[option] ?? [] }

  mutating func set(_ option: String, _ new: [Value]) { values[option] = new }

  /// The names of the options that a file can have values for.
  public static var options: [String] { InlineConfigurationReader.keys.map(\.option) }

  /// The keys that a file can have, those of sections behind them.
  public static var keys: [String] {
    InlineConfigurationReader.keys.flatMap { ($0.section.map { [$0] } ?? []) + [$0.name] } + [
      "middleboxes", "name", "config",
    ]
  }

  /// An error at a value, or about the file as a whole.
  public func error(at value: Value?, _ reason: String) -> ConfigurationError {
    ConfigurationError(file: file, place: value?.place, reason: reason)
  }

  /// An error at a value that is none of `known`, with what may have been meant.
  public func error(at value: Value, isNo noun: String, of known: [String]) -> ConfigurationError {
    let meant = Suggestion.text(for: value.text, among: known, expected: known.joined(separator: ", "))
    return error(at: value, "\(quoted(value.text)) is no \(noun)\(meant)")
  }
}

extension ConfigurationKind {
  /// That of `mos inline`.
  static let inline = ConfigurationKind(noun: "configuration")
}
