// Unsafe: reads headers where the decoder found them. Invariant: an IPv4 header has 20 bytes and an ICMP header 8, or the
// decoder would not have called the packet acceptable.
import MOSCore

/// What rules ask of one packet.
enum PacketFields {
  /// Whether a condition on a packet holds. Precondition: the packet is acceptable.
  static func holds(_ condition: RuleCondition, for packet: UnsafePointer<DecodedPacket>) -> Bool {
    switch condition {
    case .field(let field, let match): value(of: field, packet).map(match.holds) ?? false
    case .tcpFlags(let wanted): flags(wanted, packet)
    case .fragmentBits(let wanted): fragmentBits(wanted, packet)
    case .ipOption(let option): hasOption(option, packet)
    default: true
    }
  }

  /// nil where the packet has no such field.
  private static func value(of field: PacketField, _ packet: UnsafePointer<DecodedPacket>) -> UInt64? {
    let isTCP = packet.pointee.kind == .tcp
    let isICMP = packet.pointee.kind == .icmp || packet.pointee.kind == .icmpv6
    let isV4 = packet.pointee.ipVersion == 4
    switch field {
    case .payloadSize: return UInt64(packet.pointee.payloadWireLength)
    case .sequenceNumber: return isTCP ? UInt64(packet.pointee.sequence) : nil
    case .acknowledgment: return isTCP ? UInt64(packet.pointee.acknowledgment) : nil
    case .window: return isTCP ? UInt64(packet.pointee.window) : nil
    case .timeToLive: return UInt64(packet.pointee.timeToLive)
    case .typeOfService:
      let first = UInt64(packet.pointee.network.loadBE16(at: 0))
      return isV4 ? first & 0xff : first >> 4 & 0xff
    case .identification: return isV4 ? UInt64(packet.pointee.network.loadBE16(at: 4)) : nil
    case .fragmentOffset: return isV4 ? UInt64(packet.pointee.network.loadBE16(at: 6) & 0x1fff) : nil
    case .ipProtocol: return UInt64(packet.pointee.key.protocolNumber)
    case .icmpType: return isICMP ? UInt64(packet.pointee.icmpType) : nil
    case .icmpCode: return isICMP ? UInt64(packet.pointee.icmpCode) : nil
    case .icmpIdentifier: return isICMP ? UInt64(packet.pointee.transport.loadBE16(at: 4)) : nil
    case .icmpSequence: return isICMP ? UInt64(packet.pointee.transport.loadBE16(at: 6)) : nil
    }
  }

  private static func flags(_ wanted: TCPFlagsCondition, _ packet: UnsafePointer<DecodedPacket>) -> Bool {
    guard packet.pointee.kind == .tcp else { return false }
    let flags = packet.pointee.flags.rawValue & ~wanted.ignored.rawValue
    return holds(wanted.comparison, flags, wanted.flags.rawValue)
  }

  private static func fragmentBits(_ wanted: FragmentBitsCondition, _ packet: UnsafePointer<DecodedPacket>) -> Bool {
    guard packet.pointee.ipVersion == 4 else { return false }
    let bits = packet.pointee.network.loadBE16(at: 6)
    var found: FragmentBitsCondition.Bits = []
    if bits & 0x2000 != 0 { found.insert(.moreFragments) }
    if bits & 0x4000 != 0 { found.insert(.doNotFragment) }
    if bits & 0x8000 != 0 { found.insert(.reserved) }
    return holds(wanted.comparison, found.rawValue, wanted.bits.rawValue)
  }

  private static func holds<Bits: FixedWidthInteger>(_ comparison: BitComparison, _ bits: Bits, _ wanted: Bits) -> Bool
  {
    switch comparison {
    case .exactly: bits == wanted
    case .all: bits & wanted == wanted
    case .any: bits & wanted != 0
    case .not: bits & wanted != wanted
    }
  }

  private static func hasOption(_ option: IPOptionName, _ packet: UnsafePointer<DecodedPacket>) -> Bool {
    guard packet.pointee.ipVersion == 4 else { return false }
    let header = packet.pointee.network
    let length = Int(header.load(as: UInt8.self) & 0xf) * 4
    var place = 20
    while place < length {
      let kind = header.load(fromByteOffset: place, as: UInt8.self)
      if option == .any || numbers[option] == kind { return true }
      if kind == 0 { return false }
      if kind == 1 {
        place += 1
      } else {
        guard place + 1 < length else { return false }
        place += max(2, Int(header.load(fromByteOffset: place + 1, as: UInt8.self)))
      }
    }
    return false
  }

  /// RFC 791, RFC 1108, RFC 2113.
  private static let numbers: [IPOptionName: UInt8] = [
    .eol: 0, .nop: 1, .rr: 7, .qs: 25, .ts: 68, .sec: 130, .lsrr: 131, .esec: 133, .cipso: 134, .satid: 136, .ssrr: 137,
    .rtralt: 148, .lsrre: 131,
  ]
}
