import MOSCore

/// Ports for connections that are opened from here, which others cannot guess and which do not come again soon: the double hash
/// of RFC 6056 3.3.4. Ports to one server go up one by one from a place that only this host knows; the counters are shared by
/// few servers, so that a server learns little of how many connections go to others.
public struct SourcePorts: ~Copyable {
  private static let counterCount = 1_024

  /// The ports that are given out.
  public let range: ClosedRange<UInt16>
  private let offset: ConnectionHash
  private let place: ConnectionHash
  private let counters: UnsafeMutablePointer<UInt32>

  /// Ports of `range`, by default the dynamic ones (RFC 6335 6), under a secret that is drawn now.
  public init(_ range: ClosedRange<UInt16> = 49_152...65_535) {
    self.init(range, secret: ConnectionHash.randomSecret())
  }

  /// The same under a given secret: for runs that are to be repeatable.
  public init(_ range: ClosedRange<UInt16>, secret: (UInt64, UInt64)) {
    self.range = range
    offset = ConnectionHash(secret: secret, domain: 0x504f_5254)
    place = ConnectionHash(secret: secret, domain: 0x504f_5255)
    counters = .allocate(capacity: SourcePorts.counterCount)
    counters.initialize(repeating: 0, count: SourcePorts.counterCount)
  }

  deinit { counters.deallocate() }

  /// A port of `local` for a connection to `remote`, or nil where none is suitable.
  ///
  /// `isSuitable` is asked about each port at most once: whether no connection of these ends has it, and whether what the server
  /// sends to it comes to this core.
  public mutating func next(
    from local: IPAddress, to remote: IPAddress, port: UInt16, where isSuitable: (UInt16) -> Bool
  ) -> UInt16? {
    let count = UInt32(range.upperBound - range.lowerBound) + 1
    let start = UInt32(truncatingIfNeeded: offset.hash(local, remote, ports: UInt64(port)) >> 32)
    let counter = counters + Int(place.hash(local, remote, ports: UInt64(port)) % UInt64(SourcePorts.counterCount))
    for _ in 0..<count {
      // Of the sum modulo 2^32 the ports take equal parts, but for one in 2^16 of them at most.
      let port = range.lowerBound + UInt16((start &+ counter.pointee) % count)
      counter.pointee &+= 1
      if isSuitable(port) { return port }
    }
    return nil
  }
}
