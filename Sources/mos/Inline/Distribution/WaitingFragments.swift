// Unsafe: owns copies of frames. Invariant: the bytes of each entry are its own until it is given out or the object ends. Who takes one out frees them.
import MOSCore

/// Fragments that wait until their datagram is whole: only then is it known which worker's it is.
struct WaitingFragments: ~Copyable {
  /// The most that wait, and for how long, in nanoseconds.
  private static let most = 1_024
  static let patience: Int64 = 50_000_000

  /// What the fragments of a datagram have in common. In IPv6 the header does not number datagrams: those between two
  /// addresses are one.
  struct Datagram: Equatable {
    let ingress: Int
    let source: IPAddress
    let destination: IPAddress
    let identification: UInt16

    init(_ packet: UnsafePointer<DecodedPacket>, ingress: Int) {
      self.ingress = ingress
      source = packet.pointee.key.source
      destination = packet.pointee.key.destination
      identification =
        packet.pointee.ipVersion == 4
        ? UInt16(bigEndian: packet.pointee.network.loadUnaligned(fromByteOffset: 4, as: UInt16.self)) : 0
    }
  }

  /// One that waits.
  struct Entry {
    let datagram: Datagram
    let frame: CapturedFrame
    let arrival: Int64
  }

  private var entries: [Entry] = []

  deinit { for entry in entries { entry.frame.bytes.deallocate() } }

  /// None wait.
  var isEmpty: Bool { entries.isEmpty }

  /// A fragment begins to wait.
  mutating func add(_ frame: CapturedFrame, of datagram: Datagram, at now: Int64) {
    let length = Int(frame.capturedLength)
    let copy = UnsafeMutableRawPointer.allocate(byteCount: max(length, 1), alignment: 16)
    copy.copyMemory(from: frame.bytes, byteCount: length)
    var own = frame
    own.bytes = UnsafeRawPointer(copy)
    entries.append(Entry(datagram: datagram, frame: own, arrival: now))
  }

  /// Gives out the fragments of a datagram, in the order in which they came. Whoever takes them frees their bytes.
  mutating func take(_ datagram: Datagram) -> [Entry] {
    let taken = entries.filter { $0.datagram == datagram }
    entries.removeAll { $0.datagram == datagram }
    return taken
  }

  /// Gives out those that have waited too long, and the first where there are too many. Whoever takes them frees their bytes.
  mutating func takeExpired(at now: Int64) -> ArraySlice<Entry> {
    var count = 0
    for entry in entries {
      guard now &- entry.arrival > Self.patience || entries.count - count > Self.most else { break }
      count += 1
    }
    defer { entries.removeFirst(count) }
    return entries[..<count]
  }
}
