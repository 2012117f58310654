import MOSCore
import MTCP

/// How far the bytes that a side receives are put in order for those who read them.
@frozen
public enum Reassembly: BitwiseCopyable, Hashable, Sendable {
  /// Bytes behind a hole wait, in as much memory as the tracker's configuration allows a side.
  case on
  /// The same in at most this many bytes of memory, whole chunks of 256 with their headers; none wait below 256.
  case limited(UInt32)
  /// Nothing is delivered and nothing is kept; states and numbers are followed.
  case off
}

/// An overlap policy for the hosts of a network.
public struct NetworkOverlapPolicy: Hashable, Sendable {
  /// An address of the network.
  public var network: IPAddress
  /// How many of its first bits an address of the network has: 0 to 32 for IPv4, 0 to 128 for IPv6.
  public var prefixLength: UInt8
  /// Whose bytes win in what these hosts receive.
  public var policy: OverlapPolicy

  /// A policy for the network of `network`. A `prefixLength` beyond the address's bits counts as all of them.
  public init(network: IPAddress, prefixLength: UInt8, policy: OverlapPolicy) {
    self.network = network
    self.prefixLength = prefixLength
    self.policy = policy
  }
}

/// The segments that reset both ends of a connection at once.
public struct FlowReset: BitwiseCopyable, Sendable {
  /// What the client takes as the server's reset, nil where it has nothing to reset.
  public var towardClient: TCPSegment?
  /// What the server takes as the client's reset, nil where it has nothing to reset.
  public var towardServer: TCPSegment?

  init() {}
}

/// Networks with their policies, the longest prefix first.
///
/// Unsafe code. What must hold: `rules` has `count` initialised rules until `deinit`.
struct OverlapNetworks: ~Copyable {
  private struct Rule: BitwiseCopyable {
    var network: IPAddress
    var mask: IPAddress
    var policy: OverlapPolicy
  }

  private let rules: UnsafeMutablePointer<Rule>
  private let count: Int
  var isEmpty: Bool { count == 0 }

  init(_ policies: [NetworkOverlapPolicy]) {
    count = policies.count
    rules = .allocate(capacity: max(count, 1))
    let sorted = policies.enumerated().sorted { one, other in
      let (left, right) = (OverlapNetworks.bits(one.element), OverlapNetworks.bits(other.element))
      return left == right ? one.offset < other.offset : left > right
    }
    for (index, entry) in sorted.enumerated() {
      let bits = OverlapNetworks.bits(entry.element)
      let mask = IPAddress(
        high: bits == 0 ? 0 : ~0 << UInt64(max(0, 64 - bits)), low: bits <= 64 ? 0 : ~0 << UInt64(128 - bits))
      (rules + index).initialize(to: Rule(network: entry.element.network, mask: mask, policy: entry.element.policy))
    }
  }

  deinit { rules.deallocate() }

  /// Leading bits of the 128 that count.
  private static func bits(_ policy: NetworkOverlapPolicy) -> Int {
    policy.network.isV4 ? 96 + min(Int(policy.prefixLength), 32) : min(Int(policy.prefixLength), 128)
  }

  /// The policy of the network with the longest prefix that has `address`, nil without one.
  func policy(for address: IPAddress) -> OverlapPolicy? {
    for index in 0..<count {
      let rule = rules[index]
      if (address.high ^ rule.network.high) & rule.mask.high == 0, (address.low ^ rule.network.low) & rule.mask.low == 0
      {
        return rule.policy
      }
    }
    return nil
  }
}
