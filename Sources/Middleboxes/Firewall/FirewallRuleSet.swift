import MOSCore

/// A firewall's rules in use, by one worker: what they are, what they remember of sources, and what they have counted.
///
/// The caller asks `decide` about a flow's first packet, keeps the decision with the flow, and tells `count` of every
/// packet that it treats so. When the decision's `generation` is not the rule set's, the rules were replaced since, and it
/// can ask again. For SYN-flood protection it tells `halfOpenBegan` of each connection whose SYN passed, and
/// `halfOpenEnded` when that is established or has ended.
public struct FirewallRuleSet: ~Copyable {
  struct RuleHits: BitwiseCopyable {
    var hits = FirewallHits()
    var limited = FirewallHits()
  }

  private var rules: FirewallRules
  private var sources: FirewallSources
  private var policy: FirewallPolicy
  /// In the order of the rules.
  private var hits: FlatTable<RuleHits>
  private var defaultHits = FirewallHits()
  private var synFloodHits = FirewallHits()
  private var earlierHits = FirewallHits()
  /// Under which numbers the buckets of rules with a rate limit are kept.
  private var limitNumbers: [String: UInt32] = [:]
  private var nextLimitNumber: UInt32 = 0
  private let hash: FlowHash

  /// Rules that have counted nothing yet. `hash` is for the tables of sources: one with a constant secret makes which
  /// sources share a place predictable.
  public init(_ policy: FirewallPolicy, hash: FlowHash = .random()) {
    self.policy = policy
    self.hash = hash
    (limitNumbers, nextLimitNumber) = Self.numberLimits(of: policy, replacing: nil, [:], next: 0)
    rules = Self.compile(policy, generation: 1, limitNumbers)
    sources = FirewallSources(policy.sources, hash: hash)
    hits = FlatTable(policy.rules.map { _ in RuleHits() })
  }

  /// Which load of the rules is in use, counted from 1.
  public var generation: UInt32 { rules.generation }

  /// How many rules there are.
  public var ruleCount: Int { rules.count }

  /// Decides about a packet by the first rule that matches. Takes a token of each rate limit that it comes to, so that
  /// rates are of flows if it is asked about the first packet of each. Allocates nothing and counts no references.
  public mutating func decide(_ query: FirewallQuery) -> FirewallDecision { rules.decide(query, &sources) }

  /// Counts packets that were treated as a decision says.
  public mutating func count(_ decision: FirewallDecision, packets: UInt64 = 1, bytes: UInt64) {
    if decision.generation != rules.generation {
      earlierHits.add(packets, bytes)
      return
    }
    switch decision.cause {
    case .rule where decision.rule < hits.count: hits[Int(decision.rule)].hits.add(packets, bytes)
    case .rateLimit where decision.rule < hits.count: hits[Int(decision.rule)].limited.add(packets, bytes)
    case .synFlood: synFloodHits.add(packets, bytes)
    default: defaultHits.add(packets, bytes)
    }
  }

  /// A connection from this address was opened and is not established: its SYN passed.
  public mutating func halfOpenBegan(from address: IPAddress) { sources.halfOpenBegan(from: address) }

  /// A connection of which `halfOpenBegan` was told is established, or has ended.
  public mutating func halfOpenEnded(from address: IPAddress) { sources.halfOpenEnded(from: address) }

  /// The name of a decision's rule; nil where none matched, or the rules were replaced since. For logs: it copies a
  /// string.
  public func ruleName(of decision: FirewallDecision) -> String? {
    guard decision.generation == rules.generation, decision.rule < policy.rules.count else { return nil }
    return policy.rules[Int(decision.rule)].name
  }

  /// What was counted so far.
  public var counters: FirewallCounters {
    var counters = FirewallCounters(defaultAction: policy.defaultAction)
    for (index, rule) in policy.rules.enumerated() {
      counters.rules.append(
        FirewallCounters.Rule(
          name: rule.name, action: rule.action, hits: hits[index].hits, limited: hits[index].limited))
    }
    counters.defaultHits = defaultHits
    counters.synFlood = synFloodHits
    counters.earlier = earlierHits
    counters.halfOpen = sources.halfOpen
    counters.forgottenSources = sources.forgotten
    return counters
  }

  /// Replaces the rules by those of a file. When there is an error in it, everything stays as it is, and the error is
  /// thrown.
  public mutating func reload(path: String) throws(ConfigurationError) {
    replace(by: try FirewallPolicy(path: path))
  }

  /// Replaces the rules. Rules of the same name keep what they counted, and their buckets if their rate is the same too;
  /// half-open connections stay known, unless `sources` is another.
  public mutating func replace(by policy: FirewallPolicy) {
    var counted: [String: RuleHits] = [:]
    for (index, rule) in self.policy.rules.enumerated() { counted[rule.name] = hits[index] }
    (limitNumbers, nextLimitNumber) = Self.numberLimits(
      of: policy, replacing: self.policy, limitNumbers, next: nextLimitNumber)
    rules = Self.compile(policy, generation: rules.generation &+ 1, limitNumbers)
    hits = FlatTable(policy.rules.map { counted.removeValue(forKey: $0.name) ?? RuleHits() })
    for gone in counted.values {
      earlierHits += gone.hits
      earlierHits += gone.limited
    }
    if policy.sources != self.policy.sources { sources = sources.replaced(policy.sources, hash: hash) }
    self.policy = policy
  }

  private static func compile(
    _ policy: FirewallPolicy, generation: UInt32, _ numbers: [String: UInt32]
  ) -> FirewallRules {
    FirewallRules(policy, generation: generation) { numbers[$0.name] ?? 0 }
  }

  /// A number for each rule with a rate limit: the one it had, if it had the same rate, else one that none had before.
  private static func numberLimits(
    of policy: FirewallPolicy, replacing old: FirewallPolicy?, _ oldNumbers: [String: UInt32], next: UInt32
  ) -> ([String: UInt32], UInt32) {
    var oldRates: [String: RateLimit] = [:]
    for rule in old?.rules ?? [] { oldRates[rule.name] = rule.limit?.rate }
    var numbers: [String: UInt32] = [:]
    var next = next
    for rule in policy.rules {
      guard let rate = rule.limit?.rate else { continue }
      if rate == oldRates[rule.name], let number = oldNumbers[rule.name] {
        numbers[rule.name] = number
      } else {
        numbers[rule.name] = next
        next &+= 1
      }
    }
    return (numbers, next)
  }
}
