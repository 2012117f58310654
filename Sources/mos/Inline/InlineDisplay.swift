import MOSCore
import PacketIO

#if canImport(Glibc)
  import Glibc
#endif

/// What one port of a bridge counted, in all workers together: each frame that came to it is in `received`, in
/// `receiveDropped` or in `missed`, each that was to leave there in `sent` or in `sendDropped`.
struct InlinePortCounters {
  var device: String
  var received = FrameCount()
  var sent = FrameCount()
  /// Too long.
  var receiveDropped: UInt64 = 0
  /// The driver had no room.
  var sendDropped: UInt64 = 0
  /// The device dropped them, because nobody fetched them in time.
  var missed: UInt64 = 0
  /// Of those that came in, those for whose worker too many waited already.
  var droppedBefore: UInt64 = 0
  /// The same, passed without handlers.
  var bypassed: UInt64 = 0
  /// Of those that workers sent here, those for which too many waited to leave.
  var droppedBehind: UInt64 = 0

  mutating func add(_ statistics: PortStatistics) {
    received = received + statistics.received
    sent = sent + statistics.sent
    receiveDropped &+= statistics.receiveDropped.frames
    sendDropped &+= statistics.sendDropped.frames
  }

  /// For the summary: counts of zero left out.
  var line: String {
    let counts = [
      ("received", received.frames), ("sent", sent.frames), ("not sent for want of room", sendDropped),
      ("too long", receiveDropped), ("missed by the device", missed), ("dropped before full workers", droppedBefore),
      ("dropped behind workers", droppedBehind), ("passed without handlers", bypassed),
    ]
    let text = counts.filter { $0.1 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    return "\(device): \(text.isEmpty ? "nothing" : text)"
  }

  init(device: String) { self.device = device }
}

/// A line on a terminal's standard error that says once a second what passes.
struct InlineDisplay {
  private let isShown: Bool
  private let isTerminal = isatty(2) == 1
  private var next = ContinuousClock.now + .seconds(1)
  private var before: [InlinePortCounters] = []
  private var isDrawn = false

  private let showsSent: Bool

  /// A line that is shown if there is a terminal and `isShown`, about frames that left too if `showsSent`.
  init(isShown: Bool, showsSent: Bool = true) {
    self.isShown = isShown
    self.showsSent = showsSent
  }

  /// Draws the line if a second is over.
  mutating func update(_ counters: @autoclosure () -> [InlinePortCounters]) {
    guard isShown, isTerminal, ContinuousClock.now >= next else { return }
    next = next + .seconds(1)
    let counters = counters()
    let parts = counters.enumerated().map { index, port in
      let old = index < before.count ? before[index].received : FrameCount()
      let rate = (port.received.frames &- old.frames, (port.received.bytes &- old.bytes) / 125_000)
      let lost = port.sendDropped &+ port.receiveDropped &+ port.missed &+ port.droppedBefore &+ port.droppedBehind
      let sent = showsSent ? " out \(port.sent.frames)" : ""
      return "in \(port.received.frames) (\(rate.0)/s, \(rate.1) Mbit/s)\(sent) lost \(lost)"
    }
    before = counters
    isDrawn = true
    complain("\r\(parts.joined(separator: " | "))\u{1b}[K")
  }

  /// A line that stays.
  mutating func say(_ line: String) {
    finish()
    complain("mos: \(line)\n")
  }

  /// Takes the line away.
  mutating func finish() {
    if isDrawn { complain("\r\u{1b}[K") }
    isDrawn = false
  }
}
