import MOSCore

/// A cable between the outer ends of two memory ports, in virtual time.
///
/// Its two directions can also be used by themselves, as sinks: from a capture feeder into a port, from a port into a
/// capture sink.
public struct MemoryLink: ~Copyable {
  /// From the first port to the second.
  public var forward: LinkDirection
  /// From the second port to the first.
  public var backward: LinkDirection

  /// A link that does the same in both directions, each with chances of its own from the one seed.
  public init(_ configuration: LinkConfiguration = LinkConfiguration()) {
    forward = LinkDirection(configuration)
    var other = configuration
    other.seed = ~configuration.seed
    backward = LinkDirection(other)
  }

  /// Moves virtual time on: what the ports have sent enters the link, and what has arrived by `time` comes into the other
  /// port. Returns how many frames arrived.
  ///
  /// Frames enter when this is called but travel from the time that their time stamps say, so steps of any length give
  /// the same arrivals, provided that the ports' users stamp what they send.
  @discardableResult
  public mutating func advance(to time: Timestamp, _ first: inout MemoryPort, _ second: inout MemoryPort) -> Int {
    first.drain(into: &forward)
    second.drain(into: &backward)
    return forward.advance(to: time, into: &second) + backward.advance(to: time, into: &first)
  }

  /// When the next frame arrives at either port; `nil` when none is under way. What was sent since the last `advance` is
  /// not under way yet.
  public var nextArrival: Timestamp? {
    guard let first = forward.nextArrival else { return backward.nextArrival }
    guard let second = backward.nextArrival else { return first }
    return min(first, second)
  }
}
