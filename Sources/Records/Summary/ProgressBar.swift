#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A line on standard error that says how far a replay is: bytes read, packets per second, time left.
///
/// Nothing is written when standard error is no terminal. The line is drawn again at most ten times a second, and is
/// gone after `finish`.
public struct ProgressBar: ~Copyable {
  private let isShown: Bool
  private let write: (String) -> Void
  private let start: UInt64
  private var next: UInt64
  private var isDrawn = false

  /// Nanoseconds between two drawings.
  static let interval: UInt64 = 100_000_000

  /// A bar on standard error; `isEnabled` false for one that never shows.
  public init(isEnabled: Bool = true) {
    self.init(isShown: isEnabled && isatty(2) == 1, now: ProgressBar.now) { text in
      var text = text
      text.withUTF8 { _ = systemWrite(2, $0.baseAddress!, $0.count) }
    }
  }

  init(isShown: Bool, now: UInt64, write: @escaping (String) -> Void) {
    self.isShown = isShown
    self.write = write
    start = now
    next = now &+ ProgressBar.interval
  }

  /// Call it once a burst: it costs one reading of the clock, and without a terminal nothing. `total` is the size of all
  /// files in bytes, `nil` when it is not known (standard input).
  public mutating func update(bytesRead: UInt64, total: UInt64?, packets: UInt64) {
    guard isShown else { return }
    update(bytesRead: bytesRead, total: total, packets: packets, now: ProgressBar.now)
  }

  mutating func update(bytesRead: UInt64, total: UInt64?, packets: UInt64, now: UInt64) {
    guard isShown, now >= next else { return }
    next = now &+ ProgressBar.interval
    isDrawn = true
    write("\r\(line(bytesRead, total, packets, elapsed: now &- start))\u{1b}[K")
  }

  /// Takes the line away.
  public mutating func finish() {
    guard isDrawn else { return }
    isDrawn = false
    write("\r\u{1b}[K")
  }

  private func line(_ bytes: UInt64, _ total: UInt64?, _ packets: UInt64, elapsed: UInt64) -> String {
    let rate = UInt64(Double(packets) / max(Double(elapsed) / 1e9, 1e-9))
    let speed = "\(SummaryLines.grouped(packets)) packets, \(SummaryLines.grouped(rate))/s"
    guard let total, total > 0 else { return "\(SummaryLines.bytes(bytes)), \(speed)" }
    let share = min(1, Double(bytes) / Double(total))
    let filled = Int(share * 20)
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 20 - filled)
    let read = "\(SummaryLines.bytes(bytes)) of \(SummaryLines.bytes(total))"
    guard share > 0.01 else { return "[\(bar)] \(read), \(speed)" }
    let left = UInt64(Double(elapsed) / 1e9 * (1 - share) / share)
    let seconds = String(left % 60 + 100).dropFirst()
    return "[\(bar)] \(Int(share * 100)) %, \(read), \(speed), \(left / 60):\(seconds) left"
  }

  private static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }
}

private func systemWrite(_ descriptor: Int32, _ start: UnsafeRawPointer, _ count: Int) -> Int {
  write(descriptor, start, count)
}
