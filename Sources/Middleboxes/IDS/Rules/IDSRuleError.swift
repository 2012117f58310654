/// What is wrong with a rule, or with a rule file. Its description is one line for the user: the place, what is wrong
/// there, and what was expected.
public struct IDSRuleError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file's name as it was given.
  public var file: String
  /// The line where the rule begins, from 1; nil where it is about the file as a whole.
  public var line: Int?
  /// The rule's number, where it could be read.
  public var sid: UInt32?
  /// What is wrong, and what was expected.
  public var reason: String

  /// `local.rules:12: sid 1000001: depth: 3 is less than the 5 bytes of the content, so that it never matches`
  public var description: String {
    "\(file):" + (line.map { "\($0):" } ?? "") + (sid.map { " sid \($0):" } ?? "") + " \(reason)"
  }
}

/// A rule that is well written but is not used, since it needs what there is not here.
public struct IDSUnusedRule: Hashable, Sendable, CustomStringConvertible {
  /// The file's name as it was given.
  public var file: String
  /// The line where the rule begins, from 1.
  public var line: Int
  /// The rule's number, where it could be read.
  public var sid: UInt32?
  /// What it needs.
  public var reason: String

  /// `local.rules:12: sid 1000001: not used, the keyword lua is not supported`
  public var description: String {
    "\(file):\(line):" + (sid.map { " sid \($0):" } ?? "") + " not used, \(reason) is not supported"
  }
}
