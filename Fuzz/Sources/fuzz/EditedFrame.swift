import MOSCore

/// A frame with a packet, changed in the plainest way: what a `PacketEditor` must come to.
///
/// Checksums are not calculated here. They are whatever the editor made them, and `residues` says by how much they are
/// wrong, which no change may change.
struct EditedFrame {
  private(set) var bytes: [UInt8] = []
  private(set) var network = 0
  private(set) var transport = 0
  private var payloadStart = 0
  private(set) var payloadLength = 0
  private(set) var isV6 = false
  private var isTCP = false

  init() {}

  init(_ frame: [UInt8], _ packet: DecodedPacket) {
    bytes = frame
    network = packet.network - packet.frame
    transport = packet.transport - packet.frame
    payloadStart = packet.payload - packet.frame
    payloadLength = Int(packet.payloadLength)
    isV6 = packet.ipVersion == 6
    isTCP = packet.kind == .tcp
  }

  var payload: ArraySlice<UInt8> { bytes[payloadStart..<payloadStart + payloadLength] }
  var ipLength: Int { payloadStart + payloadLength - network }

  mutating func put<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    withUnsafeBytes(of: value.bigEndian) { bytes.replaceSubrange(offset..<offset + $0.count, with: $0) }
  }

  private func word(_ offset: Int) -> Int { Int(bytes[offset]) << 8 | Int(bytes[offset + 1]) }

  mutating func replacePayload(at offset: Int, count: Int, with new: [UInt8]) {
    let growth = new.count - count
    let start = payloadStart + offset
    bytes.replaceSubrange(start..<start + count, with: new)
    guard growth != 0 else { return }
    payloadLength += growth
    bytes.removeSubrange((payloadStart + payloadLength)...)
    let lengthField = network + (isV6 ? 4 : 2)
    put(UInt16(word(lengthField) + growth), at: lengthField)
    if !isTCP {
      put(UInt16(word(transport + 4) + growth), at: transport + 4)
    } else if bytes[transport + 13] & 0x20 != 0 {
      // The pointer counts the bytes up to the one that it stands behind.
      let pointer = word(transport + 18)
      if pointer > offset {
        let moved = pointer <= offset + count ? offset + new.count : pointer + growth
        put(UInt16(min(moved, 0xffff)), at: transport + 18)
      }
    }
  }

  mutating func moveSACKBlocks(left: UInt32, right: UInt32) {
    var at = transport + 20
    while at < payloadStart, bytes[at] != 0 {
      if bytes[at] == 1 {
        at += 1
        continue
      }
      guard at + 1 < payloadStart, bytes[at + 1] >= 2, at + Int(bytes[at + 1]) <= payloadStart else { return }
      let end = at + Int(bytes[at + 1])
      if bytes[at] == 5, end - at > 2, (end - at - 2) % 8 == 0 {
        for block in stride(from: at + 2, to: end, by: 8) {
          put(UInt32(word(block) << 16 | word(block + 2)) &+ left, at: block)
          put(UInt32(word(block + 4) << 16 | word(block + 6)) &+ right, at: block + 4)
        }
      }
      at = end
    }
  }

  /// Takes over the checksums of `other`, and says whether the frames are then equal.
  mutating func isSame(_ other: [UInt8]) -> Bool {
    guard other.count == bytes.count else { return false }
    let checksum = transport + (isTCP ? 16 : 6)
    // A UDP checksum that was left out stays out.
    let isLeftOut = !isTCP && word(checksum) == 0
    for offset in isV6 ? [checksum] : [checksum, network + 10] {
      bytes.replaceSubrange(offset..<offset + 2, with: other[offset..<offset + 2])
    }
    return bytes == other && (isTCP || isLeftOut == (word(checksum) == 0))
  }

  /// By how much checksums are wrong, modulo 65535: that of the IPv4 header, and that of the segment where there is one.
  /// With IPv6's extension headers, which can change what the latter covers, the decoder has to judge alone.
  var residues: [Int] {
    var residues: [Int] = []
    if bytes.isEmpty { return residues }
    if !isV6 { residues.append(residue(network..<transport)) }
    if isTCP || word(transport + 6) != 0, !isV6 || transport == network + 40 {
      let addresses = isV6 ? network + 8..<network + 40 : network + 12..<network + 20
      let segment = transport..<payloadStart + payloadLength
      residues.append((residue(addresses) + residue(segment) + segment.count + (isTCP ? 6 : 17)) % 65535)
    }
    return residues
  }

  private func residue(_ range: Range<Int>) -> Int {
    var sum = 0
    for offset in range { sum += Int(bytes[offset]) << ((offset - range.lowerBound) & 1 == 0 ? 8 : 0) }
    return sum % 65535
  }

  /// Where a description says that headers and payload are.
  static func offsets(_ packet: DecodedPacket) -> [Int] {
    [packet.network - packet.frame, packet.transport - packet.frame, packet.payload - packet.frame]
  }

  /// What a description says of lengths and numbers.
  static func fields(_ packet: DecodedPacket) -> [UInt32] {
    [
      packet.payloadLength, packet.payloadWireLength, packet.ipLength, packet.capturedLength, packet.wireLength,
      packet.sequence, packet.acknowledgment, UInt32(packet.window), UInt32(packet.flags.rawValue),
      UInt32(packet.urgentPointer), UInt32(packet.tcpHeaderLength), UInt32(packet.timeToLive), UInt32(packet.ipVersion),
    ]
  }
}
