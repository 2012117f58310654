// Unsafe: owns an array of times. Invariant: it has `places` entries, all initialised.
import MOSCore

/// How many ICMP errors middleboxes send: to one host, and in all (RFC 1812 4.3.2.8, RFC 4443 2.4 f).
///
/// Each host's bucket is found by a keyed hash of its address, so that memory does not grow with hosts, and hosts that fall
/// into one place share what it allows.
struct AnswerLimit: ~Copyable {
  private static let places = 1_024
  /// Between two to one host in the long run, and how many may come at once.
  private static let hostInterval: Int64 = 100_000_000
  private static let hostBurst: Int64 = 10
  /// The same of all together.
  private static let interval: Int64 = 1_000_000
  private static let burst: Int64 = 50

  /// When each place's bucket is full again.
  private let fullAgain: UnsafeMutablePointer<Int64>
  private var allFullAgain = Int64.min
  private let hash = FlowHash(secret: (.random(in: .min ... .max), .random(in: .min ... .max)))

  init() {
    fullAgain = .allocate(capacity: AnswerLimit.places)
    fullAgain.initialize(repeating: .min, count: AnswerLimit.places)
  }

  deinit { fullAgain.deallocate() }

  /// Whether one more may be sent to a host, which is counted then.
  mutating func admits(_ host: IPAddress, at time: Timestamp) -> Bool {
    let now = time.nanoseconds
    let place = fullAgain + Int(hash.hashV4(source: host.low ^ host.high, destination: 0, rest: 0) >> 54)
    guard let host = AnswerLimit.next(place.pointee, now, AnswerLimit.hostInterval, AnswerLimit.hostBurst),
      let all = AnswerLimit.next(allFullAgain, now, AnswerLimit.interval, AnswerLimit.burst)
    else { return false }
    place.pointee = host
    allFullAgain = all
    return true
  }

  /// When a bucket is full again behind one that is sent now; nil where it is empty.
  private static func next(_ fullAgain: Int64, _ now: Int64, _ interval: Int64, _ burst: Int64) -> Int64? {
    let start = max(fullAgain, now)
    let (missing, overflow) = start.subtractingReportingOverflow(now)
    guard !overflow, missing <= interval &* (burst &- 1) else { return nil }
    let (next, isLate) = start.addingReportingOverflow(interval)
    return isLate ? start : next
  }
}
