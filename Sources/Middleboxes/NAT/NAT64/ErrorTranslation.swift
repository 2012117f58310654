import MOSCore

/// Translates ICMP errors, and the packets that they quote, between the versions of IP (RFC 7915 4.2 to 4.4, 5.2 to 5.4).
enum ErrorTranslation {
  /// A message's first eight bytes, without the checksum.
  struct Message: Equatable {
    var type: UInt8
    var code: UInt8
    var rest: UInt32
  }

  /// What an Ethernet frame takes, where nothing else is known of a network.
  private static let linkMTU = 1_500
  /// Where routers that name no MTU are taken to be (RFC 1191 7.1).
  private static let plateaus: [UInt32] = [68, 296, 508, 1_006, 1_492, 2_002, 4_352, 8_166, 17_914, 32_000]

  /// Writes the translation of an error, which has `ends`, about a packet that has `quoted` there. Returns its length; nil for
  /// an error that the other version does not have. `mtu` is what the networks on both sides take, as far as that is known.
  static func translate(
    _ packet: UnsafePointer<DecodedPacket>, _ quotation: Quotation, to ends: ProtocolEnds, quoted: ProtocolEnds,
    identification: UInt16, mtu: (v4: Int?, v6: Int?), copiesTrafficClass: Bool,
    into buffer: UnsafeMutableRawBufferPointer
  ) -> Int? {
    guard let place = DatagramTranslation.transport(of: packet), let base = buffer.baseAddress else { return nil }
    let old = Message(
      type: packet.pointee.icmpType, code: packet.pointee.icmpCode, rest: place.transport.loadBE32(at: 4))
    guard var message = place.isV4 ? fromV4(old) : fromV6(old) else { return nil }
    if place.isV4 && message.type == 2 || !place.isV4 && old.type == 2 {
      message.rest = length(old.rest, isV4: place.isV4, quotation, mtu)
    }
    let outer = CommonHeader.length(isV4: ends.isV4)
    let inner = CommonHeader.length(isV4: quoted.isV4)
    // As much as an error may have (RFC 4443 2.4 c, RFC 1812 4.3.2.3).
    let most = (ends.isV4 ? 576 : DatagramTranslation.leastMTU) - outer - 8
    let parts = parts(of: old, quotation, inner: inner, as: message, isV4: ends.isV4, most: most)
    let length = outer + 8 + parts.field + parts.extensions
    guard length <= buffer.count else { return nil }
    var header = DatagramTranslation.common(packet, place, hops: packet.pointee.timeToLive &- 1)
    header.contents = length - outer
    header.protocolNumber = ends.isV4 ? IPProtocol.icmp : IPProtocol.icmpv6
    header.identification = identification
    var innerHeader = quotation.header
    innerHeader.protocolNumber = CommonHeader.number(quotation.header.protocolNumber, isV4: quoted.isV4)
    if !copiesTrafficClass { (header.trafficClass, innerHeader.trafficClass) = (0, 0) }
    header.write(ends, to: base)
    let newNetwork = base + outer + 8
    innerHeader.write(quoted, to: newNetwork)
    let transport = newNetwork + inner
    transport.copyMemory(from: quotation.place.transport, byteCount: parts.copied)
    var quotedPlace = quotation.place
    quotedPlace.count = parts.copied
    guard
      quotedPlace.translate(
        transport, behind: newNetwork, quoted, quotation.header.protocolNumber, length: innerHeader.contents)
    else { return nil }
    if parts.extensions > 0 {
      (transport + parts.copied).initializeMemory(
        as: UInt8.self, repeating: 0, count: parts.field - inner - parts.copied)
      (newNetwork + parts.field).copyMemory(
        from: quotation.place.network + parts.extensionsStart, byteCount: parts.extensions)
      message.rest |= UInt32(parts.field / lengthUnit(isV4: ends.isV4)) << (ends.isV4 ? 16 : 24)
    }
    let icmp = base + outer
    icmp.storeBE32(UInt32(message.type) << 24 | UInt32(message.code) << 16, at: 0)
    icmp.storeBE32(message.rest, at: 4)
    var checksum =
      ends.isV4
      ? Checksum()
      : Checksum(
        ipv6Source: base + 8, destination: base + 24, protocolNumber: IPProtocol.icmpv6, length: UInt32(length - outer))
    checksum.add(icmp, count: length - outer)
    icmp.storeBE16(checksum.value, at: 2)
    return length
  }

  /// The length that a packet may have as its sender counts: IPv4's header is twenty bytes shorter, and the networks of the
  /// translator itself take no more than they do.
  private static func length(
    _ told: UInt32, isV4: Bool, _ quotation: Quotation, _ mtu: (v4: Int?, v6: Int?)
  ) -> UInt32 {
    let v4 = UInt32(mtu.v4 ?? linkMTU)
    let v6 = UInt32(max(mtu.v6 ?? linkMTU, DatagramTranslation.leastMTU))
    guard isV4 else { return min(max(told, 20 + 68) - 20, v4, v6 - 20) }
    var told = told & 0xffff
    if told == 0 {
      let whole = quotation.place.transport - quotation.place.network + quotation.header.contents
      told = plateaus.last { $0 < whole } ?? 68
    }
    return max(UInt32(DatagramTranslation.leastMTU), min(told + 20, v6, v4 + 20))
  }
}

/// Extensions behind what an error quotes (RFC 4884), which stay what they are.
extension ErrorTranslation {
  /// What is taken of an error's contents.
  private struct Parts {
    /// Bytes of the transport header and what follows.
    var copied: Int
    /// Bytes of the quoted packet, with what makes it as long as it must be before extensions.
    var field: Int
    /// Bytes of extensions, and where they begin in what was quoted.
    var extensions = 0
    var extensionsStart = 0
  }

  /// In which the length of a quoted packet before extensions is told.
  private static func lengthUnit(isV4: Bool) -> Int { isV4 ? 4 : 8 }

  /// Bytes of the quoted packet before extensions, as the error says; 0 for one without.
  private static func quotedLength(_ message: Message, isV4: Bool) -> Int {
    guard mayHaveExtensions(message, isV4: isV4) else { return 0 }
    return Int(message.rest >> (isV4 ? 16 : 24) & 0xff) * lengthUnit(isV4: isV4)
  }

  private static func mayHaveExtensions(_ message: Message, isV4: Bool) -> Bool {
    isV4 ? message.type == 3 || message.type == 11 || message.type == 12 : message.type == 1 || message.type == 3
  }

  /// What an error takes along in at most `most` bytes, behind a quoted header of `inner` bytes. Extensions have 128 bytes of
  /// the packet before them at least, and are left out where there is no room for both.
  private static func parts(
    of old: Message, _ quotation: Quotation, inner: Int, as new: Message, isV4: Bool, most: Int
  ) -> Parts {
    let place = quotation.place
    let oldInner = place.transport - place.network
    let start = quotedLength(old, isV4: !isV4)
    var count = place.count
    if start >= oldInner + 8, start < oldInner + place.count {
      let extensions = oldInner + place.count - start
      count = start - oldInner
      let unit = lengthUnit(isV4: isV4)
      let room = (most - extensions) / unit * unit
      if mayHaveExtensions(new, isV4: isV4), room >= 128 {
        let field = min(max(128, (inner + count + unit - 1) / unit * unit), room)
        return Parts(
          copied: min(count, field - inner), field: field, extensions: extensions, extensionsStart: start)
      }
    }
    count = min(count, most - inner)
    return Parts(copied: count, field: inner + count)
  }
}
