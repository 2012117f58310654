/// What a rule does to the flow's or the hosts' variables when it matches.
enum RuleEffect: Hashable, Sendable {
  case flowBit(BitChange, name: String)
  case flowInteger(name: String, FlowIntegerChange)
  /// `expire` in seconds; nil for the default.
  case crossBit(BitChange, name: String, track: CrossBitTrack, expire: UInt32?)
}

/// What is done to a bit.
enum BitChange: String, Sendable, CaseIterable {
  case set, unset, toggle
}

/// Whose bits `xbits` are.
enum CrossBitTrack: String, Sendable, CaseIterable {
  case source = "ip_src"
  case destination = "ip_dst"
  case pair = "ip_pair"
}

/// The other operand of `flowint`.
enum FlowIntegerOperand: Hashable, Sendable {
  case literal(UInt32)
  /// Another of the flow's integers.
  case variable(String)
}

/// What `flowint` asks.
enum FlowIntegerTest: Hashable, Sendable {
  enum Comparison: String, Sendable, CaseIterable {
    case less = "<"
    case lessOrEqual = "<="
    case equal = "=="
    case notEqual = "!="
    case greaterOrEqual = ">="
    case greater = ">"
  }

  case isSet, isNotSet
  case compare(Comparison, FlowIntegerOperand)
}

/// What `flowint` does.
struct FlowIntegerChange: Hashable, Sendable {
  enum Operation: String, Sendable, CaseIterable {
    case add = "+"
    case subtract = "-"
    case assign = "="
  }

  var operation: Operation
  var operand: FlowIntegerOperand
}

/// What matches are counted for.
enum RuleTrack: String, Sendable, CaseIterable {
  case source = "by_src"
  case destination = "by_dst"
  case both = "by_both"
  case rule = "by_rule"
  case flow = "by_flow"
}

/// How often a rule that matches alerts: `threshold`.
struct RuleThreshold: Hashable, Sendable {
  enum Kind: String, Sendable, CaseIterable {
    /// The first `count` matches of a period.
    case limit
    /// Every `count`th match of a period.
    case threshold
    /// Once in a period with at least `count` matches.
    case both
  }

  var kind: Kind
  var track: RuleTrack
  var count: UInt32
  var seconds: UInt32
}

/// After how many matches in a period a rule alerts: `detection_filter`.
struct RuleDetectionFilter: Hashable, Sendable {
  var track: RuleTrack
  var count: UInt32
  var seconds: UInt32
}

/// Which later packets are kept with the alert: `tag`.
struct RuleTag: Hashable, Sendable {
  enum Metric: String, Sendable, CaseIterable {
    case packets, bytes, seconds
  }

  enum Scope: Hashable, Sendable {
    case session, sourceHost, destinationHost
  }

  /// How many, unless the rule says it.
  static let defaultCount: UInt32 = 256

  var scope: Scope
  var count: UInt32 = defaultCount
  var metric = Metric.packets
}
