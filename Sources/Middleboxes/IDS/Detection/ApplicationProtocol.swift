import MOSCore

/// An application protocol whose messages are taken apart.
enum ApplicationProtocol: UInt8, Sendable {
  case http

  /// The name in EVE's `app_proto`.
  var name: String { "\(self)" }

  /// The protocol whose messages have such a buffer; nil where they are not taken apart, and for the payload.
  init?(of buffer: InspectionBuffer) {
    switch buffer {
    case .payload, .dnsQuery, .tlsServerName, .ja3Hash, .ja3String, .ja3ServerHash, .ja3ServerString, .ja4Hash:
      return nil
    default: self = .http
    }
  }

  /// The protocol that a rule's header names; nil where it is not known.
  init?(_ name: RuleProtocol) {
    switch name {
    case .http, .http1: self = .http
    default: return nil
    }
  }
}

extension DetectionRule {
  /// The protocol of the flows that a rule is about; nil for any.
  static func application(of rule: IDSRule) throws(Unsupported) -> ApplicationProtocol? {
    let name = rule.header.protocolName
    if !name.isApplication { return nil }
    guard let known = ApplicationProtocol(name) else { throw Unsupported(reason: "the protocol \(name.rawValue)") }
    return known
  }
}

extension InspectionBuffer {
  /// The one that stands for it in what `receiver` gets: a file is the body of a message.
  func canonical(for receiver: Side?) -> InspectionBuffer {
    switch self {
    case .httpResponseBody: .fileData
    case .fileData where receiver == .server: .httpRequestBody
    default: self
    }
  }
}
