/// A rule of the language that Suricata and Snort share: what it does, to which packets, and what has to be in them.
struct IDSRule: Hashable, Sendable {
  /// What is done when the rule matches.
  enum Action: String, Sendable, CaseIterable {
    case alert, drop, reject, rejectsrc, rejectdst, rejectboth, pass, log
  }

  /// Which side of an alert is the one attacked.
  enum Target: String, Sendable, CaseIterable {
    case source = "src_ip"
    case destination = "dest_ip"
  }

  /// Where more is written about what the rule finds: `reference:cve,2014-1234`.
  struct Reference: Hashable, Sendable {
    var system: String
    var identifier: String
  }

  /// What the rule's author says of it, without meaning for matching: `metadata:confidence High`.
  struct Metadata: Hashable, Sendable {
    var key: String
    var value: String
  }

  var action = Action.alert
  var header = RuleHeader()
  /// Index of the file among those that were read.
  var file: UInt16 = 0
  /// The line where the rule begins, from 1.
  var line: UInt32 = 0
  var sid: UInt32 = 0
  var gid: UInt32 = 1
  var revision: UInt32 = 0
  /// From 1, the most urgent, to 255; nil where it is the class's.
  var priority: UInt8?
  var target: Target?
  /// Matches without an alert: `noalert`.
  var isSilent = false
  var message = ""
  var classType = ""
  /// What is looked at besides bytes; all of it has to hold.
  var conditions: [RuleCondition] = []
  /// Where bytes are looked for, in the order in which the rule names them.
  var buffers: [RuleBuffer] = []
  /// What is done to the flow's bits and counters when everything matched.
  var effects: [RuleEffect] = []
  var threshold: RuleThreshold?
  var detectionFilter: RuleDetectionFilter?
  var tags: [RuleTag] = []
  var references: [Reference] = []
  var metadata: [Metadata] = []
  /// The content whose absence is seen first; nil in a rule without a content that has to be there.
  var fastPattern: RuleFastPattern?

  /// What no other rule of a set has: generator and number.
  var identifier: UInt64 { UInt64(gid) << 32 | UInt64(sid) }

  /// Whether it is the same rule, wherever it is written.
  func isSame(as other: IDSRule) -> Bool {
    var moved = other
    (moved.file, moved.line) = (file, line)
    return self == moved
  }
}

/// The matches in one buffer, in the order in which they are tried.
struct RuleBuffer: Hashable, Sendable {
  var kind: InspectionBuffer
  var matches: [PayloadMatch] = []
  /// What `byte_extract` and `byte_math` store, by index.
  var variables: [String] = []
}

/// Part of a content that is searched for in all traffic at once; the rule is tried only where it is found.
struct RuleFastPattern: Hashable, Sendable {
  /// Index in the rule's `buffers`.
  var buffer: UInt16
  /// Index in the buffer's `matches`, a content that is not negated.
  var match: UInt16
  /// The part of the content.
  var offset: UInt16
  var length: UInt16
}
