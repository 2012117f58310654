import ArgumentParser
import MOSCore
import MTCP

extension ReplayOptions.Speed {
  /// `max`, `real`, or a factor such as `10x` or `0.5x`. Throws a `ValidationError` that says so.
  init(argument: String) throws {
    switch argument {
    case "max": self = .maximum
    case "real": self = .times(1)
    default:
      guard argument.hasSuffix("x"), let factor = Double(argument.dropLast()), factor.isFinite, factor >= 0.001,
        factor <= 1_000_000
      else { throw ValidationError("a speed is max, real, or a multiple such as 10x, 0.001x to 1000000x") }
      self = .times(factor)
    }
  }
}

/// The encapsulations that are taken off: `all`, `none`, or names with commas between them.
struct TunnelChoice {
  static let names: [(name: String, tunnel: TunnelSet)] = [
    ("ipip", .ipInIP), ("gre", .gre), ("vxlan", .vxlan), ("geneve", .geneve), ("gtp", .gtpU), ("teredo", .teredo),
    ("ayiya", .ayiya), ("mpls", .mpls), ("pppoe", .pppoe),
  ]

  static var list: String { names.map(\.name).joined(separator: ",") }

  var tunnels: TunnelSet

  /// Throws a `ValidationError` that names what it does not know.
  init(argument: String) throws {
    switch argument {
    case "all": tunnels = .all
    case "none": tunnels = []
    default:
      tunnels = []
      for name in argument.split(separator: ",", omittingEmptySubsequences: false) {
        guard let known = TunnelChoice.names.first(where: { $0.name == name }) else {
          throw ValidationError("there is no \(name); all, none, or some of \(TunnelChoice.list)")
        }
        tunnels.insert(known.tunnel)
      }
    }
  }
}

/// The name of an overlap policy.
struct OverlapPolicyChoice: ExpressibleByArgument {
  static var allValueStrings: [String] { OverlapPolicy.allCases.map(\.name) }

  var policy: OverlapPolicy

  init?(argument: String) {
    guard let policy = OverlapPolicy(name: argument) else { return nil }
    self.policy = policy
  }
}
