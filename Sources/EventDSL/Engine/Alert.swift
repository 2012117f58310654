import DualStackTracker

/// What a signature found: the `alert` of Suricata's EVE.
public struct Alert: Hashable, Sendable {
  /// What is done with the packet.
  public enum Action: String, Sendable {
    /// It goes on.
    case allowed
    /// It is dropped, and so is what comes behind it in the flow.
    case blocked
  }

  /// What is done with the packet.
  public var action: Action
  /// Generator of the signature, 1 where there is but one.
  public var generator: UInt32
  /// The signature's number among those of its generator.
  public var signature: UInt32
  /// The signature's revision.
  public var revision: UInt32
  /// What it finds, for people.
  public var message: String
  /// The kind of attack.
  public var category: String
  /// From 1, the most urgent, to 255.
  public var severity: UInt8
  /// Which side sent what was found.
  public var sender: Side
  /// The application protocol of the flow, by the name that Suricata has for it; nil where it is not known.
  public var applicationProtocol: String?
  /// The number of the message in its flow, from 0; nil where it is not about a message.
  public var transaction: UInt32?
  /// The bytes in which it was found, as far as they are kept; empty where nobody asked for them.
  public var payload: [UInt8] = []

  /// An alert from its parts.
  public init(
    action: Action = .allowed, generator: UInt32 = 1, signature: UInt32, revision: UInt32 = 0, message: String,
    category: String = "", severity: UInt8 = 3, sender: Side, applicationProtocol: String? = nil,
    transaction: UInt32? = nil, payload: [UInt8] = []
  ) {
    self.action = action
    self.generator = generator
    self.signature = signature
    self.revision = revision
    self.message = message
    self.category = category
    self.severity = severity
    self.sender = sender
    self.applicationProtocol = applicationProtocol
    self.transaction = transaction
    self.payload = payload
  }
}

extension Event {
  /// Reports what a signature found, in the middlebox's name, to whoever runs the engine.
  public func alert(_ alert: Alert) { Dispatch.alert(occurrence, alert) }
}
