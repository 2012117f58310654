import MOSCore

/// Where a frame's innermost addresses lie and which checksums depend on them, so that a loop over a trace can give its
/// flows other addresses.
///
/// Invariant: every offset was checked against the frame's captured length when the value was made; 0 stands for "none".
struct AddressShift: BitwiseCopyable {
  /// Offset of the innermost IP header.
  private var network: UInt32 = 0
  /// Offset of the checksum that has the addresses in its pseudo-header (TCP, UDP, ICMPv6).
  private var checksum: UInt32 = 0
  /// Offset of the checksum of the outermost UDP header, when the packet is inside of its payload.
  private var outerChecksum: UInt32 = 0
  /// 4 or 6; 0 when there is nothing to shift.
  private(set) var version: UInt8 = 0
  private var isUDP = false
  /// Whether the pseudo-header has the IP header's addresses: not so with a home address or a routing header.
  private var sourceCounts = true
  private var destinationCounts = true

  /// Nothing to shift.
  init() {}

  /// What depends on the addresses in a frame of which `packet` is the innermost packet and `outer` the outermost.
  init(of packet: DecodedPacket, outer: DecodedPacket) {
    let length = Int(packet.capturedLength)
    let start = packet.network - packet.frame
    guard start >= 0, start <= length else { return }
    let available = length - start
    switch packet.ipVersion {
    case 4 where available >= 20:
      version = 4
      findChecksumInIPv4(packet.network, start: start, available: available)
    case 6 where available >= 40:
      version = 6
      findChecksumInIPv6(packet.network, start: start, available: available)
    default: return
    }
    network = UInt32(truncatingIfNeeded: start)
    let outerTransport = outer.transport - outer.frame
    if packet.tunnelDepth > 0, outer.kind == .udp, outerTransport > 0, outerTransport + 8 <= start {
      outerChecksum = UInt32(truncatingIfNeeded: outerTransport + 6)
    }
  }

  private mutating func findChecksumInIPv4(_ header: UnsafeRawPointer, start: Int, available: Int) {
    let data = Int(header.load8(at: 0) & 0xf) * 4
    guard data >= 20, data <= available else { return }
    let walk = IPv6ExtensionHeaders(
      header + data, length: UInt32(available - data), first: header.load8(at: 9), isIPv6: false)
    setChecksum(
      start: start, data: data + Int(walk.length), available: available,
      skipped: Int(header.loadBE16(at: 6) & 0x1fff) * 8,
      protocolNumber: walk.nextHeader)
  }

  private mutating func findChecksumInIPv6(_ header: UnsafeRawPointer, start: Int, available: Int) {
    var data = 40
    var skipped = 0
    var next = header.load8(at: 6)
    // Before a fragment header and behind it.
    for _ in 0..<2 {
      let walk = IPv6ExtensionHeaders(header + data, length: UInt32(available - data), first: next)
      if walk.homeAddress != nil { sourceCounts = false }
      if walk.finalDestination != nil { destinationCounts = false }
      data += Int(walk.length)
      next = walk.nextHeader
      guard walk.end == .fragment, available - data >= 8 else { break }
      next = header.load8(at: data)
      skipped = Int(header.loadBE16(at: data + 2) & 0xfff8)
      data += 8
      // Behind the beginning of a later fragment there are no headers.
      if skipped > 0 { break }
    }
    setChecksum(start: start, data: data, available: available, skipped: skipped, protocolNumber: next)
  }

  /// Notes where the transport's checksum lies, when it does so in the bytes from `data` on, which come after `skipped`
  /// bytes that are in other fragments.
  private mutating func setChecksum(start: Int, data: Int, available: Int, skipped: Int, protocolNumber: UInt8) {
    let field: Int
    switch protocolNumber {
    case IPProtocol.tcp: field = 16
    case IPProtocol.udp: field = 6
    case IPProtocol.icmpv6 where version == 6: field = 2
    default: return
    }
    guard field >= skipped, data + field - skipped + 2 <= available else { return }
    checksum = UInt32(truncatingIfNeeded: start + data + field - skipped)
    isUDP = protocolNumber == IPProtocol.udp
  }

  /// The bits of source and destination that a shift may change: the last 32 of IPv4, the last 64 of IPv6.
  func addresses(in frame: UnsafeRawPointer) -> (source: UInt64, destination: UInt64)? {
    let header = frame + Int(network)
    switch version {
    case 4: return (UInt64(header.loadBE32(at: 12)), UInt64(header.loadBE32(at: 16)))
    case 6: return (header.loadBE64(at: 16), header.loadBE64(at: 32))
    default: return nil
    }
  }

  /// Flips the bits of `mask` in both addresses, and updates the checksums so that they are as right or wrong as before
  /// (RFC 1624).
  func apply(mask: UInt64, to frame: UnsafeMutableRawPointer) {
    let header = frame + Int(network)
    guard mask != 0, let (source, destination) = addresses(in: UnsafeRawPointer(frame)) else { return }
    let sourceChange = Self.difference(source, source ^ mask)
    let destinationChange = Self.difference(destination, destination ^ mask)
    let difference = sourceChange &+ destinationChange
    let pseudoHeader = (sourceCounts ? sourceChange : 0) &+ (destinationCounts ? destinationChange : 0)
    if version == 4 {
      header.storeBE32(UInt32(truncatingIfNeeded: source ^ mask), at: 12)
      header.storeBE32(UInt32(truncatingIfNeeded: destination ^ mask), at: 16)
      Self.update(header + 10, by: difference)
    } else {
      header.storeBE64(source ^ mask, at: 16)
      header.storeBE64(destination ^ mask, at: 32)
    }
    // What the bytes of the packet sum up to more than before: nothing, where a checksum among them makes up for it.
    var inside = version == 6 ? difference : 0
    if checksum != 0 {
      let field = frame + Int(checksum)
      let old = UnsafeRawPointer(field).loadBE16(at: 0)
      // A UDP checksum of 0 says that there is none (RFC 768), so a sum of 0 is sent as all ones.
      if !(isUDP && old == 0) {
        Self.update(field, by: pseudoHeader)
        inside &+= Self.complement(pseudoHeader)
        if isUDP, UnsafeRawPointer(field).loadBE16(at: 0) == 0 { field.storeBE16(0xffff, at: 0) }
      }
    }
    if outerChecksum != 0 {
      let field = frame + Int(outerChecksum)
      let old = UnsafeRawPointer(field).loadBE16(at: 0)
      if old != 0 {
        Self.update(field, by: inside)
        if UnsafeRawPointer(field).loadBE16(at: 0) == 0 { field.storeBE16(0xffff, at: 0) }
      }
    }
  }

  /// The sum of `~old + new` over the 16-bit words of two values (RFC 1624 equation 3), not folded: below 2^20.
  private static func difference(_ old: UInt64, _ new: UInt64) -> UInt32 {
    var sum: UInt32 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 16) {
      sum &+= UInt32(~(old >> shift) & 0xffff) &+ UInt32((new >> shift) & 0xffff)
    }
    return sum
  }

  private static func fold(_ sum: UInt32) -> UInt16 {
    let once = (sum & 0xffff) &+ (sum >> 16)
    return UInt16(truncatingIfNeeded: once &+ (once >> 16))
  }

  private static func complement(_ sum: UInt32) -> UInt32 { UInt32(~fold(sum)) }

  private static func update(_ field: UnsafeMutableRawPointer, by difference: UInt32) {
    let old = UnsafeRawPointer(field).loadBE16(at: 0)
    field.storeBE16(~fold(UInt32(~old) &+ difference), at: 0)
  }
}

/// Spreads a loop's number over address bits, so that different loops have different addresses.
///
/// Bits that are the same in all addresses of the trace come first: as long as the number fits into those, no address of
/// one loop is an address of another.
struct AddressBits {
  private var first: UInt64?
  private var varying: UInt64 = 0
  /// How many low bits may be changed: what is above (an IPv4 address's first byte) says what kind of address it is.
  let width: Int

  init(width: Int) { self.width = width }

  /// Takes an address of the trace into account.
  mutating func add(_ address: UInt64) {
    varying |= address ^ (first ?? address)
    first = first ?? address
  }

  /// The bits to flip in loop `number`; none in loop 0. Repeats after 2^`width` loops.
  func mask(ofLoop number: UInt64) -> UInt64 {
    var mask: UInt64 = 0
    var rest = number
    for constant in [true, false] {
      for bit in 0..<UInt64(width) where (varying >> bit & 1 == 0) == constant {
        mask |= (rest & 1) << bit
        rest >>= 1
      }
    }
    return mask
  }
}
