import MOSCore

/// An application protocol whose messages are taken apart.
enum ApplicationProtocol: UInt8, Sendable {
  case http, tls, dns

  /// The name in EVE's `app_proto`.
  var name: String { "\(self)" }

  /// The protocol whose messages have such a buffer; nil for the payload.
  init?(of buffer: InspectionBuffer) {
    switch buffer {
    case .payload: return nil
    case .dnsQuery: self = .dns
    case .tlsServerName, .ja3Hash, .ja3String, .ja3ServerHash, .ja3ServerString, .ja4Hash: self = .tls
    default: self = .http
    }
  }

  /// The protocol that a rule's header names; nil where it is not known.
  init?(_ name: RuleProtocol) {
    switch name {
    case .http, .http1: self = .http
    case .tls: self = .tls
    case .dns: self = .dns
    default: return nil
    }
  }
}

extension DetectionRule {
  /// The protocol of the flows that a rule is about; nil for any.
  static func application(of rule: IDSRule, _ buffers: [RuleBuffer]) throws(Unsupported) -> ApplicationProtocol? {
    let name = rule.header.protocolName
    if !name.isApplication { return buffers.lazy.compactMap { ApplicationProtocol(of: $0.kind) }.first }
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
