import MOSCore

/// The rules of a firewall as a file states them, read and checked. It can be shared between threads; each worker makes
/// its `FirewallRuleSet` of it.
///
/// The file is YAML. The first rule that matches decides; what no rule decides is done as `default` says. Rules are asked
/// about a flow's first packet, and what they decide holds for the flow, both ways; `from` is who opens it, `to` is who is
/// addressed.
///
/// ```yaml
/// default: {action: drop, log: yes}  # or just: drop. Required.
///
/// zones:  # Parts of the network. An address is in the zone with the longest prefix that covers it, and in no other.
///   inside: [10.0.0.0/8, fd00::/8]
///   servers: 10.99.0.0/16
///   outside: [0.0.0.0/0, "::/0"]  # In [ ] YAML wants quotes around what begins or ends with a colon.
///
/// groups:  # Addresses and networks under a name.
///   scanners: [192.0.2.0/24, 2001:db8:bad::/48]
///
/// syn-flood:  # Before a TCP flow that rules pass is let through. Either limit can be left out.
///   per-source: 100  # Half-open connections of one source,
///   total: 20000     # and of all.
///   action: drop     # or reset
///   log: no
///
/// sources:  # How rate limits and SYN-flood protection tell sources apart. All of this can be left out.
///   ipv4-prefix: 32
///   ipv6-prefix: 64
///   maximum: 65536  # Sources remembered for each of the two; of more, the one not heard of for longest is forgotten.
///
/// rules:
///   - name: scanners      # Required, and each name once: hits are counted under it.
///     from: scanners      # A zone, group, address or network, or a list of them; `not` excludes. Default: any.
///     action: drop        # pass, drop or reset. Required. What is not TCP is dropped instead of reset.
///     log: yes            # Default: no.
///
///   - name: web
///     from: [any, not inside]
///     to: servers
///     protocol: tcp       # tcp, udp, icmp, icmpv6, any, a number, or a list of them. Default: any.
///     ports: [80, 443, 8000-8080]  # The server's ports. Also: source-ports. For ICMP: icmp-types.
///     states: new         # new, established, related, invalid, or a list. Default: all, but a `pass` rule leaves invalid out.
///     action: pass
///     rate-limit:         # For each source. Or just: 20/second.
///       rate: 20/second   # also /minute and /hour
///       burst: 40         # At once. Default: as many as in the rate.
///       over: drop        # or reset. What is done with more, by a rule that passes. A rule that drops or resets
///                         # takes only what is more, and leaves the rest to the rules behind it.
/// ```
///
/// A source's limit is one worker's: several share the flows of a source among them.
public struct FirewallPolicy: Sendable {
  /// Addresses under a name: a zone or a group.
  struct AddressList: Hashable, Sendable {
    var name: String
    var prefixes: [IPPrefix]
  }

  /// What `from` and `to` say.
  struct AddressMatch: Hashable, Sendable {
    /// What an address has to be one of; all of it empty: anything.
    var included = Terms()
    /// What it must not be.
    var excluded = Terms()

    struct Terms: Hashable, Sendable {
      /// A bit for each zone.
      var zones: UInt64 = 0
      /// Indices of groups.
      var groups: [Int] = []
      var prefixes: [IPPrefix] = []

      var isEmpty: Bool { zones == 0 && groups.isEmpty && prefixes.isEmpty }
    }
  }

  /// A rate limit and what is done beyond it.
  struct Limit: Hashable, Sendable {
    var rate: RateLimit
    var over: FirewallAction
  }

  struct Rule: Hashable, Sendable {
    var name: String
    var from = AddressMatch()
    var to = AddressMatch()
    /// Empty: any.
    var protocols: Set<UInt8> = []
    /// Ports of the client, for ICMP its types. Empty: any.
    var sourcePorts: [ClosedRange<UInt16>] = []
    /// Ports of the server. Empty: any.
    var ports: [ClosedRange<UInt16>] = []
    /// A bit for each state.
    var states: UInt8
    var action: FirewallAction
    var logs = false
    var limit: Limit?
  }

  /// Limits of half-open connections.
  struct SynFlood: Hashable, Sendable {
    var perSource: UInt64 = .max
    var total: UInt64 = .max
    var action = FirewallAction.drop
    var logs = false
  }

  /// How sources are told apart, and how many are remembered.
  struct Sources: Hashable, Sendable {
    var v4Length = 32
    var v6Length = 64
    var maximum = 65_536
  }

  static let largestRuleCount = 10_000
  /// A set of zones is a word.
  static let largestZoneCount = 64
  static let largestGroupCount = 1000
  static let largestSourceCount = 1 << 20
  static let longestName = 64

  var defaultAction = FirewallAction.drop
  var logsDefault = false
  var zones: [AddressList] = []
  var groups: [AddressList] = []
  var rules: [Rule] = []
  var synFlood: SynFlood?
  var sources = Sources()

  init() {}

  /// Reads the file at `path`: regular, and at most 2 MiB. The first error in it is thrown.
  ///
  /// libyaml (Debian's libyaml-0-2) is loaded for the first file, and an error says so where it is not installed.
  public init(path: String) throws(ConfigurationError) {
    try self.init(bytes: try ConfigurationFileBytes.read(path), file: path)
  }

  /// The same from a file's bytes. `file` is the name for error messages.
  public init(bytes: [UInt8], file: String) throws(ConfigurationError) {
    guard let root = try YAMLNode.document(bytes, file: file), !root.isEmpty else {
      throw ConfigurationError(file: file, reason: "holds no rules, expected at least `default: drop`")
    }
    self.init()
    var reader = PolicyReader(file: file)
    try reader.read(root, into: &self)
  }

  /// Rules in the file.
  public var ruleCount: Int { rules.count }
}
