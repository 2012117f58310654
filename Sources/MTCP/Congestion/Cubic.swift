import MOSCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// CUBIC (RFC 9438): the window grows with the time since the last congestion, and not with the round trips.
public struct Cubic: CongestionControl {
  /// SMSS in bytes.
  public var maximumSegmentSize: UInt32
  private var state: State
  /// What it was before the last reduction (4.9).
  private var before: State

  /// What a reduction changes. Windows are in segments, as in the RFC, unless a name says bytes.
  private struct State: BitwiseCopyable, Sendable {
    var windowBytes: UInt32
    var thresholdBytes: UInt32
    /// Parts of a byte of the window.
    var fraction = 0.0
    /// W_max: the window at the last congestion; 0 before there was one.
    var maximumWindow = 0.0
    /// cwnd_prior: the window before the last reduction.
    var windowBefore = 0.0
    /// W_est: the window that Reno would have.
    var renoWindow = 0.0
    /// K, in seconds.
    var timeToMaximum = 0.0
    /// When the congestion avoidance that is under way began, shifted by the time in which nothing was to be sent; nil
    /// before its first acknowledgment.
    var epochStart: Timestamp?
    /// The time of the last acknowledgment in it.
    var lastTime = Timestamp(nanoseconds: 0)
    /// It follows a time-out, and its window's plateau is where it begins (4.8).
    var followsTimeout = false
  }

  /// C, in segments per second cubed (5).
  static var scale: Double { 0.4 }
  /// beta_cubic: what is left of the window (4.6).
  static var decrease: Double { 0.7 }
  /// alpha_cubic: what Reno would have to add each round trip to be as fast with that decrease (4.3).
  static var renoIncrease: Double { 3 * (1 - decrease) / (1 + decrease) }

  /// A connection at its start.
  public init(maximumSegmentSize: UInt32) {
    self.maximumSegmentSize = maximumSegmentSize
    state = State(
      windowBytes: Self.initialWindow(maximumSegmentSize: maximumSegmentSize), thresholdBytes: Self.largestThreshold)
    before = state
  }

  /// cwnd in bytes.
  public var window: UInt32 { state.windowBytes }
  /// ssthresh in bytes.
  public var slowStartThreshold: UInt32 { state.thresholdBytes }

  /// cwnd in segments.
  private var segments: Double { (Double(state.windowBytes) + state.fraction) / Double(maximumSegmentSize) }

  /// Slow start below the threshold; above it the cubic curve, or Reno's line where that is higher (4.2 to 4.5).
  public mutating func acknowledge(_ data: AcknowledgedData) {
    guard data.isWindowLimited else {
      // Time in which the application is what limits does not count (4.2).
      if let start = state.epochStart {
        state.epochStart = start.advanced(by: data.time.nanoseconds &- state.lastTime.nanoseconds)
      }
      state.lastTime = data.time
      return
    }
    if state.windowBytes < state.thresholdBytes {
      state.windowBytes = min(state.windowBytes &+ slowStartGrowth(data.bytes), Self.largestWindow)
      return
    }
    let start = state.epochStart ?? beginEpoch(data.time)
    state.lastTime = data.time
    let acknowledged = Double(data.bytes) / Double(maximumSegmentSize)
    let now = segments
    // 4.3: once Reno would have reached the old window, it grows as Reno does.
    let increase = state.renoWindow >= state.windowBefore ? 1 : Self.renoIncrease
    state.renoWindow += increase * acknowledged / now
    let time = seconds(from: start, to: data.time)
    if cubicWindow(time) < state.renoWindow {
      setWindow(max(state.renoWindow, now))
      return
    }
    let next = cubicWindow(time + Double(data.smoothedRoundTrip) / 1_000_000)
    let target = min(max(next, now), 1.5 * now)
    setWindow(now + (target - now) / now * acknowledged)
  }

  /// Seven tenths of what was under way are left (4.6).
  public mutating func reduce(_ signal: CongestionSignal, flightSize: UInt32) {
    before = state
    lower(flightSize)
    state.windowBytes = state.thresholdBytes
    state.fraction = 0
    state.followsTimeout = false
  }

  /// One segment is left (4.8).
  public mutating func timeOut(flightSize: UInt32, isFirst: Bool) {
    if isFirst {
      before = state
      lower(flightSize)
    }
    state.windowBytes = maximumSegmentSize
    state.fraction = 0
    state.followsTimeout = true
  }

  /// All is as it was, and the window no smaller than it is (4.9).
  public mutating func undo() {
    let window = max(state.windowBytes, before.windowBytes)
    let threshold = max(state.thresholdBytes, before.thresholdBytes)
    state = before
    state.windowBytes = window
    state.thresholdBytes = threshold
  }

  /// No more than the initial window is left, and the idle time does not count.
  public mutating func restart(afterIdle idle: Int64) {
    if let start = state.epochStart { state.epochStart = start.advanced(by: idle) }
    state.windowBytes = min(state.windowBytes, Self.initialWindow(maximumSegmentSize: maximumSegmentSize))
  }

  /// The threshold after congestion (4.6), and where the window is to go back to (4.7).
  private mutating func lower(_ flightSize: UInt32) {
    let now = segments
    // A flow whose window did not reach the old plateau leaves room to others.
    state.maximumWindow = now < state.maximumWindow ? now * (1 + Self.decrease) / 2 : now
    state.windowBefore = now
    let bytes = UInt32(Double(flightSize) * Self.decrease)
    state.thresholdBytes = max(bytes, Self.lowestThreshold &* maximumSegmentSize)
    state.epochStart = nil
  }

  /// Congestion avoidance begins (4.2).
  private mutating func beginEpoch(_ time: Timestamp) -> Timestamp {
    let now = segments
    state.epochStart = time
    state.renoWindow = now
    if state.followsTimeout || now >= state.maximumWindow {
      state.maximumWindow = now
      state.timeToMaximum = 0
    } else {
      state.timeToMaximum = cbrt((state.maximumWindow - now) / Self.scale)
    }
    state.followsTimeout = false
    return time
  }

  /// W_cubic, `time` seconds into congestion avoidance (equation 1).
  private func cubicWindow(_ time: Double) -> Double {
    let distance = time - state.timeToMaximum
    return Self.scale * distance * distance * distance + state.maximumWindow
  }

  private mutating func setWindow(_ segments: Double) {
    let bytes = min(segments * Double(maximumSegmentSize), Double(Self.largestWindow))
    state.windowBytes = UInt32(bytes)
    state.fraction = bytes - Double(state.windowBytes)
  }

  private func seconds(from start: Timestamp, to end: Timestamp) -> Double {
    Double(max(end.nanoseconds &- start.nanoseconds, 0)) / 1_000_000_000
  }
}
