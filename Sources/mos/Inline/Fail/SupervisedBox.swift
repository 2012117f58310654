import Synchronization

/// A box's side of the connection to its parent.
final class SupervisedBox: Sendable {
  /// What happened before this box.
  struct Past: Hashable, Sendable {
    /// Boxes that crashed.
    var restarts = 0
    /// What passed without them.
    var bypass = BypassCounts()

    /// For the summary.
    var line: String {
      let (passed, lost) = (bypass.passed.reduce(0, &+), bypass.lost.reduce(0, &+))
      return "restarts   \(restarts)" + (passed > 0 ? ", passed meanwhile \(passed)" : "")
        + (lost > 0 ? ", lost meanwhile \(lost)" : "")
    }
  }

  private let channel: FailChannel
  private let known = Mutex(Past())

  init(descriptor: Int32) { channel = FailChannel(descriptor: descriptor) }

  /// What happened before; behind `waitForPorts`.
  var past: Past { known.withLock { $0 } }

  /// Asks for the ports and waits for them. Throws where the parent is gone.
  func waitForPorts() throws(ReplayFailure) {
    channel.send(.wantsPorts)
    while true {
      switch channel.receive(within: 1_000) {
      case .message(.go(let restarts, let counts)):
        known.withLock { $0 = Past(restarts: restarts, bypass: counts) }
        return
      case .message, .nothing: continue
      case .ended: throw ReplayFailure(message: "its parent process has ended", status: 3)
      }
    }
  }

  /// Everything is there.
  func works() { channel.send(.runs) }

  /// The parent is gone: nobody would restart this box or send it signals.
  var isAlone: Bool { channel.receive() == .ended }
}
