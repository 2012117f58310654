/// Why a flow's tracking ended.
@frozen
public enum EndReason: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// It has not ended.
  case none = 0
  /// Both ends' FINs were acknowledged.
  case fin
  /// The client sent a RST that the server's stack took.
  case resetByClient
  /// The server sent a RST that the client's stack took.
  case resetByServer
  /// Nothing came for the idle time-out.
  case timeout
  /// The table was full, and this flow was the least valuable.
  case evicted
  /// A new connection with the same addresses and ports began.
  case reused
  /// The trace ended, or the monitor was stopped.
  case traceEnd
  /// Somebody between the ends reset it.
  case resetByMiddlebox

  /// A reset ended it.
  public var isReset: Bool { self == .resetByClient || self == .resetByServer || self == .resetByMiddlebox }

  /// The name in records: `fin`, `rst_orig`, `rst_resp`, `timeout`, `evicted`, `reused`, `trace_end`,
  /// `rst_middlebox`; empty for `none`.
  public var recordName: StaticString {
    switch self {
    case .none: ""
    case .fin: "fin"
    case .resetByClient: "rst_orig"
    case .resetByServer: "rst_resp"
    case .timeout: "timeout"
    case .evicted: "evicted"
    case .reused: "reused"
    case .traceEnd: "trace_end"
    case .resetByMiddlebox: "rst_middlebox"
    }
  }
}
