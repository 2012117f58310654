/// What names the datagram that a fragment belongs to (RFC 791 3.2, RFC 8200 4.5).
struct FragmentKey: BitwiseCopyable, Equatable {
  var source: IPAddress
  var destination: IPAddress
  /// The identification: 16 bits for IPv4, 32 for IPv6.
  var identification: UInt32
  /// VLAN tags, as in `FlowKey.rest`, and the protocol; 44 for IPv6, whose fragments may disagree on what follows.
  var rest: UInt64

  /// A hash that is hard to predict without `seed`.
  func hash(seed: UInt64) -> UInt64 {
    var state = Self.mix(source.high ^ seed, source.low ^ 0x9e37_79b9_7f4a_7c15)
    state = Self.mix(destination.high ^ state, destination.low ^ seed)
    return Self.mix(rest ^ state, UInt64(identification) ^ 0xe703_7ed1_a0b4_28db ^ seed)
  }

  private static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low
  }
}

/// One fragment as the decoder found it; it borrows the frame's bytes.
struct Fragment: BitwiseCopyable {
  var key: FragmentKey
  /// The IP header, and for IPv6 the extension headers before the fragment header.
  var header: UnsafeRawPointer
  var headerLength: UInt32
  /// For IPv6: where in `header` the protocol of what follows stands, and what it becomes without fragment header.
  var nextHeaderField: UInt32 = 0
  var nextHeader: UInt8 = 0
  var isIPv6: Bool
  /// The payload, all of which is there.
  var payload: UnsafeRawPointer
  var length: UInt32
  /// Where it starts in the datagram's payload.
  var offset: UInt32
  var moreFragments: Bool
  var timestamp: Timestamp
}

/// A datagram that waits for fragments. Lives in a `FragmentMemory`, named by index.
struct FragmentedDatagram: BitwiseCopyable {
  var key: FragmentKey
  var hash: UInt64
  /// When its first fragment came.
  var started: Timestamp
  /// The next datagram in the hash chain, or in the free list.
  var chain: UInt32 = 0
  /// The one that was started before, and the one after.
  var older: UInt32 = 0
  var newer: UInt32 = 0
  /// Blocks in the order of their offsets.
  var firstBlock: UInt32 = 0
  var lastBlock: UInt32 = 0
  var blockCount: UInt32 = 0
  /// The block with the header of the first fragment, 0 while that did not come.
  var headerBlock: UInt32 = 0
  var headerLength: UInt32 = 0
  /// Payload bytes that came, each counted once.
  var received: UInt32 = 0
  /// The highest end of a fragment.
  var highestEnd: UInt32 = 0
  /// The end of the last fragment; meaningful when `hasLast`.
  var total: UInt32 = 0
  /// The most bytes of one of its fragments, headers included.
  var longestFragment: UInt32 = 0
  var hasLast = false
  var isIPv6: Bool
  /// Its fragments contradict each other: what comes is dropped until the time-out.
  var isDropped = false
  /// Why.
  var dropReason = Anomaly.fragmentOverlap

  init(key: FragmentKey, hash: UInt64, started: Timestamp, isIPv6: Bool) {
    self.key = key
    self.hash = hash
    self.started = started
    self.isIPv6 = isIPv6
  }
}

/// What a fragment led to.
struct FragmentResult: BitwiseCopyable {
  /// The whole datagram, from its IP header on, when the fragment completed it.
  var datagram: UnsafeRawPointer?
  /// Bytes of `datagram`.
  var length: UInt32 = 0
  /// The most bytes of one of its fragments, headers included.
  var longestFragment: UInt32 = 0
  /// What was wrong.
  var anomalies = AnomalySet(rawValue: 0)
}
