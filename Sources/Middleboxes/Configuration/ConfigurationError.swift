/// Why a configuration file was not taken. Its description is one line for the user: the place, what is wrong there, and what was
/// expected.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file's name as it was given.
  public var file: String
  /// The line, from 1; nil where it is about the file as a whole.
  public var line: Int?
  /// The column, from 1, counted in Unicode scalars; nil where `line` is.
  public var column: Int?
  /// What is wrong, and what was expected.
  public var reason: String

  init(file: String, place: YAMLNode.Place? = nil, reason: String) {
    self.file = file
    line = place?.line
    column = place?.column
    self.reason = reason
  }

  /// `rules.yaml:12:9: ports: "80-x" is no port or range, expected for example 80 or 8000-8080`
  public var description: String {
    guard let line, let column else { return "\(file): \(reason)" }
    return "\(file):\(line):\(column): \(reason)"
  }
}
