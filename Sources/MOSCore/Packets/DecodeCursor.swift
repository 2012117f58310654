/// What the decoder expects where its cursor stands.
enum DecodeLayer: UInt8, BitwiseCopyable {
  case ethernet
  /// What `DecodeCursor.selector` says, an EtherType.
  case etherType
  /// An IEEE 802.2 LLC header.
  case llc
  case ppp
  case radiotap
  case ieee80211
  case loopback
  case linuxSLL
  case linuxSLL2
  /// IPv4 or IPv6, as its first four bits say.
  case ip
  case ipv4
  case ipv6
  /// What `DecodeCursor.selector` says, an IP protocol number.
  case transport
  /// The packet is described.
  case done
}

/// Where the decoder stands in a frame, and what it carries on from the headers before.
///
/// Invariant: `available` bytes at `pointer` may be read, and `claimed` is at least `available`.
struct DecodeCursor: BitwiseCopyable {
  var pointer: UnsafeRawPointer
  /// Bytes from `pointer` on that are there.
  var available: UInt32
  /// Bytes from `pointer` on that there were on the wire, as far as the headers before say.
  var claimed: UInt32
  var layer: DecodeLayer
  /// An EtherType or IP protocol number, see `layer`.
  var selector: UInt16 = 0
  /// VLAN tags passed since the last Ethernet header.
  var tagCount: UInt8 = 0
  /// VLAN identifiers as they stand in `FlowKey.rest`.
  var vlans: UInt64 = 0
  /// Whether the payload is a first fragment that is not put together.
  var isPartial = false
  /// The tunnel depth at which the datagram was put together, -1 for none.
  var reassemblyDepth: Int16 = -1
  /// For IPv6: the 16-byte addresses that checksums are calculated with.
  var pseudoSource: UnsafeRawPointer
  var pseudoDestination: UnsafeRawPointer

  init(_ pointer: UnsafeRawPointer, available: UInt32, claimed: UInt32, layer: DecodeLayer) {
    self.pointer = pointer
    self.available = available
    self.claimed = claimed
    self.layer = layer
    pseudoSource = pointer
    pseudoDestination = pointer
  }

  /// Moves on by `count` bytes. Precondition: they are available.
  mutating func advance(_ count: UInt32) {
    pointer += Int(count)
    available &-= count
    claimed &-= count
  }

  /// Leaves out what lies beyond `length` bytes: padding, a frame check sequence.
  mutating func limit(to length: UInt32) {
    available = min(available, length)
    claimed = min(claimed, length)
  }

  /// Sets what comes next.
  mutating func expect(_ layer: DecodeLayer, _ selector: UInt16 = 0) {
    self.layer = layer
    self.selector = selector
  }

  /// Whether the checksum over pseudo-header and segment is right; true when not all of it is there.
  func checksumIsValid(_ number: UInt8, _ ipVersion: UInt8, _ network: UnsafeRawPointer) -> Bool {
    guard available == claimed, !isPartial else { return true }
    var checksum =
      ipVersion == 4
      ? Checksum(ipv4Header: network, protocolNumber: number, length: available)
      : Checksum(
        ipv6Source: pseudoSource, destination: pseudoDestination, protocolNumber: number, length: available)
    checksum.add(pointer, count: Int(available))
    return checksum.isValid
  }

  /// Whether an IP packet stands here whose lengths fit in what is claimed: the test for tunnels over UDP, whose ports
  /// others may use too.
  var looksLikeIP: Bool {
    guard available >= 20 else { return false }
    let first = pointer.load8(at: 0)
    if first >> 4 == 4 {
      let total = UInt32(pointer.loadBE16(at: 2))
      return first & 0xf >= 5 && total >= UInt32(first & 0xf) << 2 && total <= claimed
    }
    return first >> 4 == 6 && available >= 40 && 40 &+ UInt32(pointer.loadBE16(at: 4)) <= claimed
  }

  /// Whether an IPv6 packet stands here that fills the datagram and has an address with Teredo's prefix, 2001::/32.
  var looksLikeTeredo: Bool {
    guard available >= 40, pointer.load8(at: 0) >> 4 == 6,
      pointer.loadBE32(at: 8) == 0x2001_0000 || pointer.loadBE32(at: 24) == 0x2001_0000
    else { return false }
    return 40 &+ UInt32(pointer.loadBE16(at: 4)) == claimed
  }

  /// Whether an Ethernet frame stands here that carries something the decoder knows.
  var looksLikeEthernet: Bool {
    guard let header = EthernetHeader(pointer, length: available) else { return false }
    switch header.etherType {
    case EtherType.ipv4:
      guard available >= 15 else { return true }
      return pointer.load8(at: 14) >> 4 == 4
    case EtherType.ipv6:
      guard available >= 15 else { return true }
      return pointer.load8(at: 14) >> 4 == 6
    case EtherType.arp, EtherType.vlan, EtherType.serviceVLAN, EtherType.legacyQinQ, EtherType.mpls,
      EtherType.mplsUpstream, EtherType.pppoeSession, 0x8863, 0x88cc, 0x888e:
      return true
    case let length: return UInt32(length) <= min(1500, claimed &- 14)
    }
  }
}

extension DecodedPacket {
  /// Makes this an empty description of the frame at `frame`. Field by field: a new value would be made on the stack and
  /// copied.
  @inline(__always)
  mutating func clear(_ frame: UnsafeRawPointer) {
    self.frame = frame
    network = frame
    transport = frame
    payload = frame
    payloadLength = 0
    payloadWireLength = 0
    ipLength = 0
    key.source = IPAddress(v4: 0)
    key.destination = IPAddress(v4: 0)
    key.rest = 0
    hash = 0
    anomalies = AnomalySet(rawValue: 0)
    numbers = 0
    control = 0
    timeToLive = 0
    ipVersion = 0
    kind = .malformed
    icmpType = 0
    icmpCode = 0
    isAcceptable = true
    isSelected = true
    isReassembled = false
    tunnelDepth = 0
  }

  /// Says that it is too broken to go on with.
  mutating func reject(_ anomaly: Anomaly, _ cursor: inout DecodeCursor) {
    anomalies.insert(anomaly)
    isAcceptable = false
    finish(.malformed, cursor.pointer, &cursor)
  }

  /// Says that an endpoint would not look at it.
  mutating func refuse(_ anomaly: Anomaly) {
    anomalies.insert(anomaly)
    isAcceptable = false
  }

  /// Ends the decoding with everything from `pointer`, where the cursor stands, as payload.
  mutating func finish(_ kind: PacketKind, _ pointer: UnsafeRawPointer, _ cursor: inout DecodeCursor) {
    self.kind = kind
    transport = pointer
    payload = pointer
    payloadLength = cursor.available
    payloadWireLength = cursor.claimed
    cursor.layer = .done
  }
}
