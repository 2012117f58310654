import Records

/// Packets and their bytes.
public struct FirewallHits: BitwiseCopyable, Hashable, Sendable {
  /// How many.
  public var packets: UInt64
  /// Bytes of IP datagrams, or whatever the caller counts.
  public var bytes: UInt64

  /// So many, by default none.
  public init(packets: UInt64 = 0, bytes: UInt64 = 0) {
    self.packets = packets
    self.bytes = bytes
  }

  mutating func add(_ packets: UInt64, _ bytes: UInt64) {
    self.packets &+= packets
    self.bytes &+= bytes
  }

  static func += (left: inout FirewallHits, right: FirewallHits) { left.add(right.packets, right.bytes) }
}

/// What a firewall has counted: each packet that it was told of in one place.
public struct FirewallCounters: Hashable, Sendable {
  /// A rule's.
  public struct Rule: Hashable, Sendable {
    /// The rule's name.
    public var name: String
    /// The rule's action.
    public var action: FirewallAction
    /// What the rule decided.
    public var hits: FirewallHits
    /// What matched it and was over its rate.
    public var limited: FirewallHits
  }

  /// In the order of the file.
  public var rules: [Rule] = []
  /// What is done where no rule matches.
  public var defaultAction: FirewallAction
  /// Where no rule matched.
  public var defaultHits = FirewallHits()
  /// What SYN-flood protection stopped.
  public var synFlood = FirewallHits()
  /// Packets of flows that were decided by earlier rules, and of rules that were taken out.
  public var earlier = FirewallHits()
  /// Connections that are half-open now.
  public var halfOpen: UInt64 = 0
  /// Sources that rate limits and SYN-flood protection forgot for want of room.
  public var forgottenSources: UInt64 = 0

  /// Adds another worker's, which has the same rules.
  public static func += (left: inout FirewallCounters, right: FirewallCounters) {
    for (index, rule) in right.rules.enumerated() where index < left.rules.count {
      left.rules[index].hits += rule.hits
      left.rules[index].limited += rule.limited
    }
    left.defaultHits += right.defaultHits
    left.synFlood += right.synFlood
    left.earlier += right.earlier
    left.halfOpen &+= right.halfOpen
    left.forgottenSources &+= right.forgottenSources
  }
}

extension FirewallCounters: CustomStringConvertible {
  /// A table for people: a line for each rule, in the order of the file, with a line feed at the end.
  public var description: String {
    var rows = [["packets", "bytes", "action", "rule"]]
    func add(_ hits: FirewallHits, _ action: String, _ name: String) {
      rows.append(["\(hits.packets)", "\(hits.bytes)", action, name])
    }
    for rule in rules {
      add(rule.hits, "\(rule.action)", rule.name)
      if rule.limited.packets > 0 { add(rule.limited, "limit", "\(rule.name), over its rate") }
    }
    add(defaultHits, "\(defaultAction)", "(default)")
    if synFlood.packets > 0 { add(synFlood, "limit", "(SYN flood)") }
    if earlier.packets > 0 { add(earlier, "", "(earlier rules)") }
    let widths = (0..<3).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let numbers = (0..<2).map { String(repeating: " ", count: widths[$0] - row[$0].count) + row[$0] }
      let action = row[2] + String(repeating: " ", count: widths[2] - row[2].count)
      return (numbers + [action, row[3]]).joined(separator: "  ") + "\n"
    }.joined()
  }

  /// Appends the same as a JSON object, as a member's value or an array's element.
  public func appendJSON(to text: inout RecordText) {
    text.beginObject()
    text.key("rules")
    text.beginArray()
    for rule in rules {
      text.beginObject()
      text.member("name", string: rule.name)
      text.member("action", string: "\(rule.action)")
      Self.append(rule.hits, to: &text)
      text.member("limited_packets", rule.limited.packets)
      text.member("limited_bytes", rule.limited.bytes)
      text.endObject()
    }
    text.endArray()
    text.key("default")
    text.beginObject()
    text.member("action", string: "\(defaultAction)")
    Self.append(defaultHits, to: &text)
    text.endObject()
    text.key("syn_flood")
    Self.appendObject(synFlood, to: &text)
    text.key("earlier_rules")
    Self.appendObject(earlier, to: &text)
    text.member("half_open", halfOpen)
    text.member("forgotten_sources", forgottenSources)
    text.endObject()
  }

  private static func append(_ hits: FirewallHits, to text: inout RecordText) {
    text.member("packets", hits.packets)
    text.member("bytes", hits.bytes)
  }

  private static func appendObject(_ hits: FirewallHits, to text: inout RecordText) {
    text.beginObject()
    append(hits, to: &text)
    text.endObject()
  }
}
