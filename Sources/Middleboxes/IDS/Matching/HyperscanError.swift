/// Why literals could not be made ready to be searched for.
enum HyperscanError: Error, Equatable, CustomStringConvertible {
  /// libhyperscan is not installed.
  case noLibrary
  /// It needs a processor with SSSE3.
  case noProcessor
  case noMemory
  /// What it says of one of the literals, by its index, or of all of them.
  case refused(String, literal: Int?)

  /// One line for the user.
  var description: String {
    switch self {
    case .noLibrary:
      "libhyperscan, which searches for what rules look for, cannot be loaded, install it (libhyperscan5)"
    case .noProcessor: "libhyperscan needs a processor with SSSE3"
    case .noMemory: "libhyperscan has no memory"
    case .refused(let message, let literal):
      "libhyperscan: " + message + (literal.map { " (literal \($0))" } ?? "")
    }
  }
}
