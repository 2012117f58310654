// Unsafe: a table that is never given back while its engine lives. Invariant: `places` has `count` numbers.

/// Where a key's thing is: an offset in a flow's storage, or a place in a table.
@frozen @usableFromInline
struct KeyPlaces: BitwiseCopyable {
  @usableFromInline let places: UnsafeMutablePointer<UInt32>
  @usableFromInline let count: UInt32

  /// Places for all keys of the process so far, none of which has one. To be given back with `deallocate`.
  init() {
    count = UInt32(KeyNumber.bound)
    places = .allocate(capacity: Int(count))
    places.initialize(repeating: .max, count: Int(count))
  }

  func deallocate() { places.deallocate() }

  func set(_ number: UInt32, to place: Int) { places[Int(number)] = UInt32(place) }

  /// The place of a key. Ends the process, with a message, for a key that no middlebox of the engine declares: that is a
  /// mistake in the middlebox.
  @inlinable @inline(__always)
  func offset(of number: UInt32) -> Int {
    let place = number < count ? places[Int(number)] : .max
    if place == .max { KeyPlaces.refuse() }
    return Int(place)
  }

  @usableFromInline @inline(never)
  static func refuse() -> Never {
    fatalError("a FlowLocal, Subscription or timer is used that is no stored property of a middlebox of this engine")
  }
}
