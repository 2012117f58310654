import DualStackTracker
import MOSCore
import MTCP

/// Zeek's summary of a connection, `conn_state` in its `conn.log`.
@frozen
public enum ConnectionState: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// An attempt without an answer.
  case s0 = 0
  /// Established, not ended.
  case s1
  /// Established and ended by both.
  case sf
  /// An attempt that was refused.
  case rej
  /// Established; only the originator closed.
  case s2
  /// Established; only the responder closed.
  case s3
  /// Established; the originator reset it.
  case rsto
  /// The responder reset it.
  case rstr
  /// The originator sent a SYN and then a RST; no SYN-ACK was seen.
  case rstos0
  /// The responder sent a SYN-ACK and then a RST; no SYN was seen.
  case rstrh
  /// The originator sent a SYN and then a FIN; no SYN-ACK was seen.
  case sh
  /// The responder sent a SYN-ACK and then a FIN; no SYN was seen.
  case shr
  /// None of these: traffic in mid-stream, ICMP.
  case oth

  /// As Zeek writes it.
  public var recordName: StaticString {
    switch self {
    case .s0: "S0"
    case .s1: "S1"
    case .sf: "SF"
    case .rej: "REJ"
    case .s2: "S2"
    case .s3: "S3"
    case .rsto: "RSTO"
    case .rstr: "RSTR"
    case .rstos0: "RSTOS0"
    case .rstrh: "RSTRH"
    case .sh: "SH"
    case .shr: "SHR"
    case .oth: "OTH"
    }
  }

  /// The state of a flow, of any protocol.
  public init(_ flow: UnsafePointer<FlowRecord>) {
    switch flow.pointee.key.protocolNumber {
    case 6: self = ConnectionState.tcp(flow)
    case 17:
      switch (flow.pointee.client.packets > 0, flow.pointee.server.packets > 0) {
      case (true, true): self = .sf
      case (true, false): self = .s0
      case (false, true): self = .shr
      case (false, false): self = .oth
      }
    default: self = .oth
    }
  }

  private static func tcp(_ flow: UnsafePointer<FlowRecord>) -> ConnectionState {
    let originator = flow.pointee.client.observed
    let responder = flow.pointee.server.observed
    let originatorIsSilent = originator == .inactive || originator == .partial
    let responderIsSilent = responder == .inactive || responder == .partial
    switch (originator, responder) {
    case (.synSent, .reset), (.synAckSent, .reset): return .rej
    case (.reset, .reset) where flow.pointee.client.streamBytes == 0 && flow.pointee.server.streamBytes == 0:
      return .rej
    case (_, .reset): return originatorIsSilent ? .rstrh : .rstr
    case (.reset, _):
      if !responderIsSilent { return .rsto }
      return isResetAttempt(flow) ? .rstos0 : .oth
    case (.closed, .closed): return .sf
    case (.closed, _): return responderIsSilent ? .sh : .s2
    case (_, .closed): return originatorIsSilent ? .shr : .s3
    case (.synSent, .inactive): return .s0
    case (.established, .established): return .s1
    default: return .oth
    }
  }

  /// Whether the history begins with the originator's SYN and comes to its RST before anything else of the originator
  /// that carries data, an acknowledgement or a FIN.
  private static func isResetAttempt(_ flow: UnsafePointer<FlowRecord>) -> Bool {
    let count = Int(flow.pointee.history.count)
    var index = 0
    if index < count && flow.pointee.history[index] == UInt8(ascii: "^") { index = 1 }
    guard index < count && flow.pointee.history[index] == UInt8(ascii: "S") else { return false }
    while index &+ 1 < count {
      index &+= 1
      switch flow.pointee.history[index] {
      case UInt8(ascii: "R"): return true
      case UInt8(ascii: "H"), UInt8(ascii: "A"), UInt8(ascii: "F"), UInt8(ascii: "G"), UInt8(ascii: "I"),
        UInt8(ascii: "Q"):
        return false
      default: continue
      }
    }
    return false
  }
}
