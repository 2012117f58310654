import MOSCore

/// What a firewall remembers of sources: the token buckets of rate limits, and how many connections are half-open.
///
/// Both tables have a fixed size. Of more sources than that, the one not heard of for longest is forgotten: its bucket is
/// full again, and its half-open connections count in the sum only.
struct FirewallSources: ~Copyable {
  private var buckets: SourceTable<TokenBucket>
  private var connections: SourceTable<UInt64>
  private let settings: FirewallPolicy.Sources
  /// Half-open connections of all sources.
  private(set) var halfOpen: UInt64 = 0
  /// Forgotten by tables that these replaced.
  private var forgottenBefore: UInt64 = 0

  init(_ settings: FirewallPolicy.Sources, hash: FlowHash) {
    self.settings = settings
    buckets = SourceTable(capacity: settings.maximum, hash: hash)
    connections = SourceTable(capacity: settings.maximum, hash: hash)
  }

  /// Sources forgotten for want of room.
  var forgotten: UInt64 { forgottenBefore &+ buckets.forgotten &+ connections.forgotten }

  private func source(_ address: IPAddress) -> IPAddress {
    address.masked(to: address.isV4 ? settings.v4Length : settings.v6Length)
  }

  /// Takes a token from a source's bucket of a rate limit, and says whether there was one.
  mutating func takeToken(_ number: UInt32, _ limit: RateLimit, from address: IPAddress, at time: Timestamp) -> Bool {
    let full = TokenBucket(limit, at: time.nanoseconds)
    return buckets.entry(source(address), number, initial: full).value.pointee.take(limit, at: time.nanoseconds)
  }

  /// Half-open connections of a source.
  mutating func halfOpen(from address: IPAddress) -> UInt64 {
    let index = connections.find(source(address), 0)
    return index == 0 ? 0 : connections.value(index).pointee
  }

  /// A connection was opened and is not established: its SYN passed.
  mutating func halfOpenBegan(from address: IPAddress) {
    halfOpen &+= 1
    connections.entry(source(address), 0, initial: 0).value.pointee &+= 1
  }

  /// A connection of which `halfOpenBegan` was told is established, or has ended.
  mutating func halfOpenEnded(from address: IPAddress) {
    if halfOpen > 0 { halfOpen &-= 1 }
    let index = connections.find(source(address), 0)
    // It was forgotten since.
    if index == 0 { return }
    let count = connections.value(index)
    count.pointee &-= 1
    if count.pointee == 0 { connections.remove(index) }
  }

  /// Empty tables for other settings. The sum of half-open connections stays; of the sources none is known.
  func replaced(_ settings: FirewallPolicy.Sources, hash: FlowHash) -> FirewallSources {
    var sources = FirewallSources(settings, hash: hash)
    sources.halfOpen = halfOpen
    sources.forgottenBefore = forgotten &+ UInt64(buckets.count) &+ UInt64(connections.count)
    return sources
  }
}
