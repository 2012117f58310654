import CDPDK

/// Why DPDK, or one of its ports, cannot be used. Its description is one line for the user.
public struct DPDKError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The port as it was named; empty where it is about none.
  public var port: String
  /// What is wrong.
  public var reason: String
  /// What to do about it; empty where that is plain.
  public var remedy: String
  /// How many queues the port has, where that is why: it has fewer than were asked for.
  public var offeredQueues: Int?

  /// An error from its parts.
  public init(port: String = "", reason: String, remedy: String = "") {
    self.port = port
    self.reason = reason
    self.remedy = remedy
  }

  /// The message: port, reason and remedy.
  public var description: String {
    (port.isEmpty ? "" : "\(port): ") + reason + (remedy.isEmpty ? "" : "; \(remedy)")
  }

  init(_ failure: mos_dpdk_failure, port: String = "", remedy: String = "") {
    var failure = failure
    let reason = withUnsafeBytes(of: &failure.text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    self.init(port: port, reason: reason, remedy: remedy)
  }
}
