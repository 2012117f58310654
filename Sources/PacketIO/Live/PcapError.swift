/// Why an interface cannot be captured at, or no longer. Its description is one line for the user.
public struct PcapError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What kind of thing is wrong.
  public enum Kind: Sendable {
    /// There is no interface of that name, or none any more.
    case noSuchInterface
    /// Who runs this may not capture.
    case notPermitted
    /// The interface's frames begin in a way that the decoder does not know.
    case unsupportedLinkType
    /// The filter expression is refused.
    case filter
    /// Anything else, in libpcap's words.
    case system
  }

  /// What kind of thing is wrong.
  public var kind: Kind
  /// The interface as it was named.
  public var interface: String
  /// What is wrong.
  public var reason: String
  /// What to do about it; empty where that is plain.
  public var remedy: String

  /// An error from its parts.
  public init(_ kind: Kind, interface: String, reason: String, remedy: String = "") {
    self.kind = kind
    self.interface = interface
    self.reason = reason
    self.remedy = remedy
  }

  /// The message: interface, reason and remedy.
  public var description: String { "\(interface): \(reason)" + (remedy.isEmpty ? "" : "; \(remedy)") }
}
