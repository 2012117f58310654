// Unsafe: owns memory for `capacity` neighbours. Invariant: all are initialised, and a place is below `capacity`.
import MOSCore

/// The hosts at the ports, and their Ethernet addresses. Its size is set at the start: where a new one finds no place, one
/// without an address goes, or the one that was heard of longest ago.
struct NeighbourTable: ~Copyable {
  /// A host. Times are nanoseconds of a clock that only goes forward.
  struct Neighbour: BitwiseCopyable {
    var address = IPAddress(high: 0, low: 0)
    /// Nil until an answer came.
    var hardware: MACAddress?
    var port: UInt8 = 0
    var isUsed = false
    /// When it was last heard of.
    var confirmed: Int64 = 0
    /// When it was last asked; 0 for never.
    var asked: Int64 = 0
  }

  private static let ways = 8
  private static let sets = 1_024
  static var capacity: Int { ways * sets }

  private let entries: UnsafeMutablePointer<Neighbour>
  private let hash: FlowHash

  init() {
    entries = .allocate(capacity: Self.capacity)
    entries.initialize(repeating: Neighbour(), count: Self.capacity)
    // Nobody is to know which addresses share a set.
    hash = FlowHash(secret: (.random(in: .min ... .max), .random(in: .min ... .max)))
  }

  deinit { entries.deallocate() }

  private func set(_ address: IPAddress) -> Int {
    let number = hash.hashV4(source: address.low, destination: address.high, rest: 0)
    return Int(truncatingIfNeeded: number >> 32) & (Self.sets - 1)
  }

  /// The place of a host; nil where it is not known.
  func find(_ address: IPAddress, at port: Int) -> Int? {
    let first = set(address) * Self.ways
    for place in first..<first + Self.ways
    where entries[place].isUsed && entries[place].address == address && Int(entries[place].port) == port {
      return place
    }
    return nil
  }

  /// The place of a host, made if it has none.
  mutating func place(of address: IPAddress, at port: Int) -> Int {
    if let known = find(address, at: port) { return known }
    let first = set(address) * Self.ways
    var worst = first
    for place in first..<first + Self.ways {
      if !entries[place].isUsed {
        worst = place
        break
      }
      // Not having answered is worse than having done so long ago.
      let isWorse =
        (entries[place].hardware == nil ? 0 : 1, entries[place].confirmed, entries[place].asked)
        < (entries[worst].hardware == nil ? 0 : 1, entries[worst].confirmed, entries[worst].asked)
      if isWorse { worst = place }
    }
    entries[worst] = Neighbour(address: address, port: UInt8(port), isUsed: true)
    return worst
  }

  /// The host at a place.
  subscript(place: Int) -> Neighbour {
    get { entries[place] }
    set { entries[place] = newValue }
  }
}
