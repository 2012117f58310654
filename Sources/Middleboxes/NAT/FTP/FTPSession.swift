import MOSCore

/// What is remembered of an FTP control connection.
struct FTPSession: BitwiseCopyable {
  /// Belongs to the slab while the session is free.
  var link: UInt32 = 0
  /// The commands, and the replies.
  var commands = FTPLines()
  var replies = FTPLines()
}

/// The lines that one end of a control connection sends, however they are cut into segments.
struct FTPLines: BitwiseCopyable {
  /// What is done with the bytes of a segment, beginning at `offset` of its payload.
  struct Change: Equatable {
    var offset: Int
    var count: Int
    var bytes: [UInt8]
  }

  /// The sequence number that the next bytes have; nil before the first.
  private(set) var next: UInt32?
  /// Bytes of a line that is not complete, and were kept from its receiver because of what may follow.
  private(set) var count = 0
  /// The rest of the line that has begun is not looked at.
  private var isSkipping = false
  private var kept = InlineArray<256, UInt8>(repeating: 0)

  /// A connection begins with this number, or goes on there.
  mutating func begin(at number: UInt32) {
    self = FTPLines()
    next = number
  }

  /// Takes the bytes of a segment from `offset` on, which follow those before. `translate` is given each line that may name
  /// an end, complete, and returns what takes its place; nil for the same. Returns what is to be done with the segment.
  mutating func take(
    _ bytes: [UInt8], from offset: Int, isCommand: Bool, _ translate: ([UInt8]) -> [UInt8]?
  ) -> [Change] {
    var changes: [Change] = []
    var at = offset
    while at < bytes.count {
      let lineEnd = bytes[at...].firstIndex(of: 10).map { $0 + 1 }
      let rest = bytes[at..<(lineEnd ?? bytes.count)]
      let isLong = count + rest.count > FTPEndpoint.longestLine
      let mayName = !isSkipping && !isLong && mayBegin(rest, isCommand)
      if mayName, lineEnd == nil {
        changes.append(Change(offset: at, count: rest.count, bytes: []))
        for byte in rest {
          kept[count] = byte
          count += 1
        }
        break
      }
      let line = keptBytes + rest
      if mayName, let new = translate(line) {
        changes.append(Change(offset: at, count: rest.count, bytes: new))
      } else if count > 0 {
        changes.append(Change(offset: at, count: 0, bytes: keptBytes))
      }
      count = 0
      isSkipping = lineEnd == nil
      at += rest.count
    }
    next = next.map { $0 &+ UInt32(truncatingIfNeeded: bytes.count - offset) }
    return changes
  }

  private var keptBytes: [UInt8] { (0..<count).map { kept[$0] } }

  private func mayBegin(_ rest: ArraySlice<UInt8>, _ isCommand: Bool) -> Bool {
    if count >= FTPEndpoint.prefixLength { return true }
    return FTPEndpoint.mayBegin(keptBytes + rest.prefix(FTPEndpoint.prefixLength), isCommand: isCommand)
  }
}

extension NATTables {
  /// The most control connections that are followed at a time.
  static var mostFTPSessions: Int { 65_536 }

  /// The external end for a data connection to `end` of a host, which `peer` is going to open; nil, and the reason in
  /// `refusal`, where there is none.
  mutating func expect(_ end: NATEnd, from peer: UInt32) -> NATEnd? {
    if let own = ownAddress(of: end.address) { return end.at(own) }
    let index = mapping(of: end, IPProtocol.tcp)
    if index == 0 { return nil }
    keep(index)
    // From whatever port: servers are free to take another than 20.
    _ = permit(0, NATEnd(peer, 0), to: index)
    return mappings.pointer(index).pointee.external
  }
}
