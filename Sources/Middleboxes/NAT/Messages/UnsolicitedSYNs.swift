// Unsafe: owns memory. Invariant: `count` entries from `first` on, around the end, are initialised.
import EventDSL

/// SYNs from outside that nobody has asked for, until their senders are told: a host may be about to open the same connection
/// (RFC 5382 REQ-4, RFC 6146 3.5.2.2).
///
/// There is room for a fixed number. Those that find none are never answered, so that a flood costs no more than that.
struct UnsolicitedSYNs: ~Copyable {
  struct Entry: BitwiseCopyable {
    var due: Timestamp
    var from: NATEnd
    var to: NATEnd
    var answer: DeferredAnswer
  }

  static var capacity: Int { 1_024 }
  /// For how long nobody is told, in nanoseconds.
  static var delay: Int64 { 6_000_000_000 }

  private let entries: UnsafeMutablePointer<Entry>
  private var first = 0
  private(set) var count = 0

  init() { entries = .allocate(capacity: UnsolicitedSYNs.capacity) }

  deinit { entries.deallocate() }

  var hasRoom: Bool { count < UnsolicitedSYNs.capacity }

  /// When the sender of the first one is to be told; nil where there is none.
  var due: Timestamp? { count == 0 ? nil : entries[first].due }

  /// Adds one whose time is not before that of those that are there. Precondition: there is room.
  mutating func add(_ entry: Entry) {
    precondition(hasRoom, "more SYNs than there is room for")
    (entries + (first + count) % UnsolicitedSYNs.capacity).initialize(to: entry)
    count += 1
  }

  /// Takes out the first one, if its time has come.
  mutating func next(_ now: Timestamp) -> Entry? {
    guard let due, due <= now else { return nil }
    let entry = entries[first]
    first = (first + 1) % UnsolicitedSYNs.capacity
    count -= 1
    return entry
  }
}

extension NATTables {
  /// Whether the sender of a packet that is dropped is to be told later: by which address, nil where it is not.
  func laterSource(to packet: UnsafePointer<DecodedPacket>, _ refusal: NATRefusal) -> IPAddress? {
    guard refusal == .unsolicited || refusal == .filtered, messages.answersSYNs, unsolicited.hasRoom,
      packet.pointee.kind == .tcp, packet.pointee.flags.contains(.syn),
      packet.pointee.flags.isDisjoint(with: [.ack, .rst]), packet.pointee.isAcceptable, packet.pointee.ipVersion == 4,
      realms.realm(of: UInt32(truncatingIfNeeded: packet.pointee.key.source.low)) == .outside
    else { return nil }
    return messageSource(to: packet)
  }

  /// Whether a SYN that was dropped would be let in by now: a host has opened the connection, or another by which its sender
  /// may come in.
  mutating func letsIn(_ syn: UnsolicitedSYNs.Entry) -> Bool {
    let mapping = mappings.find(external: syn.to, IPProtocol.tcp)
    return mapping != 0 && admits(syn.from, to: mapping)
  }
}
