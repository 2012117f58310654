/// Why a NAT dropped a packet.
public enum NATRefusal: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// It came to an address of the NAT, or straight to an internal one, and there is no mapping for it.
  case unsolicited = 0
  /// There is a mapping, which does not let in who sent it.
  case filtered
  /// It has an address of the NAT as source.
  case spoofed
  /// No port is free.
  case noPort
  /// There are as many mappings as there may be.
  case full
  /// Its host has as many mappings as it may have.
  case hostLimit
  /// It would begin a mapping, and no stack would take it; or it is a TCP reset, which begins nothing.
  case invalid
  /// An ICMP error that is about no mapping's packet, or says not enough of it.
  case icmpUnrelated
  /// Another protocol than TCP, UDP and ICMP, or in a tunnel: it cannot be translated.
  case untranslatable
  /// Another flow that has not ended has the ends that it would get.
  case conflict
  /// It has made as many hops as it may (RFC 1812 5.3.1).
  case timeToLiveExceeded
  /// It is longer than the network takes that it goes to, and may not be cut (RFC 4787 REQ-13).
  case tooLong

  /// For summaries.
  var name: String {
    switch self {
    case .unsolicited: "no mapping"
    case .filtered: "filtered"
    case .spoofed: "spoofed source"
    case .noPort: "no port free"
    case .full: "too many mappings"
    case .hostLimit: "too many mappings of the host"
    case .invalid: "invalid"
    case .icmpUnrelated: "ICMP error about no mapping"
    case .untranslatable: "cannot be translated"
    case .conflict: "ends in use"
    case .timeToLiveExceeded: "time to live exceeded"
    case .tooLong: "longer than the MTU"
    }
  }
}

/// What a NAT has counted.
public struct NATCounters: Sendable {
  /// Packets that were translated.
  public var translated: UInt64 = 0
  /// Mappings that began, without forwards.
  public var created: UInt64 = 0
  /// Mappings that there are, forwards among them.
  public var mappings: UInt64 = 0
  /// Ends for FTP's data connections that were translated.
  public var ftpTranslated: UInt64 = 0
  /// Those that were not: of somebody else, of a port below 1024, or without a mapping.
  public var ftpRefused: UInt64 = 0
  /// ICMP errors that were sent to those whose packets were dropped.
  public var errorsSent: UInt64 = 0
  /// Echo requests to the NAT's own addresses that were answered.
  public var echoesAnswered: UInt64 = 0
  var refused = InlineArray<12, UInt64>(repeating: 0)

  /// Packets that were dropped for a reason.
  public subscript(refusal: NATRefusal) -> UInt64 { refused[Int(refusal.rawValue)] }

  mutating func count(_ refusal: NATRefusal) { refused[Int(refusal.rawValue)] &+= 1 }

  static func += (left: inout NATCounters, right: NATCounters) {
    left.translated &+= right.translated
    left.created &+= right.created
    left.mappings &+= right.mappings
    left.ftpTranslated &+= right.ftpTranslated
    left.ftpRefused &+= right.ftpRefused
    left.errorsSent &+= right.errorsSent
    left.echoesAnswered &+= right.echoesAnswered
    for index in left.refused.indices { left.refused[index] &+= right.refused[index] }
  }
}
