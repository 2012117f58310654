/// Changes to the fields of the headers.
extension PacketEditor {
  /// Which checksums cover a field.
  private struct Coverage: OptionSet {
    let rawValue: UInt8
    static var network: Coverage { Coverage(rawValue: 1) }
    static var transport: Coverage { Coverage(rawValue: 2) }
  }

  /// Sets the source address.
  public mutating func setSource(_ address: IPAddress) -> PacketEditOutcome {
    setAddress(address, at: ipVersion == 4 ? 12 : 8, checksumCovers: checksumCoversSource)
  }

  /// Sets the destination address. In an IPv6 packet with a routing header that is the next hop's.
  public mutating func setDestination(_ address: IPAddress) -> PacketEditOutcome {
    setAddress(address, at: ipVersion == 4 ? 16 : 24, checksumCovers: checksumCoversDestination)
  }

  /// Sets the source port.
  public mutating func setSourcePort(_ port: UInt16) -> PacketEditOutcome {
    let refusal = checkPorts()
    return refusal == .done ? setTransport(port, at: 0) : refusal
  }

  /// Sets the destination port.
  public mutating func setDestinationPort(_ port: UInt16) -> PacketEditOutcome {
    let refusal = checkPorts()
    return refusal == .done ? setTransport(port, at: 2) : refusal
  }

  /// Sets source address and port at once, which takes less than one after the other.
  public mutating func setSource(_ address: IPAddress, port: UInt16) -> PacketEditOutcome {
    setEnd(address, port, addressAt: ipVersion == 4 ? 12 : 8, portAt: 0, checksumCovers: checksumCoversSource)
  }

  /// Sets destination address and port at once.
  public mutating func setDestination(_ address: IPAddress, port: UInt16) -> PacketEditOutcome {
    setEnd(address, port, addressAt: ipVersion == 4 ? 16 : 24, portAt: 2, checksumCovers: checksumCoversDestination)
  }

  /// Sets the identifier of an ICMP or ICMPv6 query or its reply, the echo messages and those of RFC 792 and RFC 950.
  public mutating func setICMPIdentifier(_ identifier: UInt16) -> PacketEditOutcome {
    guard payloadOffset > 0 else { return .noPacket }
    guard isICMP, ICMPHeader.hasIdentifier(transportHeader.load8(at: 0), isV6: ipVersion == 6) else {
      return .notSupported
    }
    return setTransport(identifier, at: 4)
  }

  /// Sets the sequence number.
  public mutating func setSequence(_ number: UInt32) -> PacketEditOutcome {
    let refusal = checkTCP()
    return refusal == .done ? setTransport(number, at: 4) : refusal
  }

  /// Sets the acknowledgment number, whether or not the segment has ACK.
  public mutating func setAcknowledgment(_ number: UInt32) -> PacketEditOutcome {
    let refusal = checkTCP()
    return refusal == .done ? setTransport(number, at: 8) : refusal
  }

  /// Sets the window field, which is not scaled.
  public mutating func setWindow(_ window: UInt16) -> PacketEditOutcome {
    let refusal = checkTCP()
    return refusal == .done ? setTransport(window, at: 14) : refusal
  }

  /// Sets IPv4's time to live or IPv6's hop limit.
  public mutating func setTimeToLive(_ value: UInt8) -> PacketEditOutcome {
    guard payloadOffset > 0 else { return .noPacket }
    if ipVersion == 4 {
      overwrite(value, at: networkOffset + 8, covered: .network)
    } else {
      overwrite(value, at: networkOffset + 7, covered: [])
    }
    return .done
  }

  /// Translates both edges of every SACK block (RFC 2018 3). Options behind one that cannot be read are left alone.
  public mutating func translateSACKBlocks(
    _ translate: (_ left: UInt32, _ right: UInt32) -> (left: UInt32, right: UInt32)
  ) -> PacketEditOutcome {
    let refusal = checkTCP()
    guard refusal == .done else { return refusal }
    var at = transportOffset + Int(TCPHeader.minimumLength)
    while at < payloadOffset {
      let kind = frame[at]
      if kind == 0 { break }
      if kind == 1 {
        at += 1
        continue
      }
      guard at + 1 < payloadOffset else { break }
      let size = Int(frame[at + 1])
      guard size >= 2, size <= payloadOffset - at else { break }
      if kind == 5, size >= 10, size & 7 == 2 {
        for block in stride(from: at + 2, to: at + size, by: 8) {
          let bytes = UnsafeRawPointer(base + block)
          let edges = translate(bytes.loadBE32(at: 0), bytes.loadBE32(at: 4))
          let word = UInt64(edges.left) << 32 | UInt64(edges.right)
          overwrite(word.bigEndian, at: block, covered: .transport)
        }
      }
      at += size
    }
    return .done
  }

  /// Moves the left edge of every SACK block (RFC 2018 3) by `left` and the right edge by `right`, modulo 2^32.
  public mutating func moveSACKBlocks(left: Int32, right: Int32) -> PacketEditOutcome {
    translateSACKBlocks { ($0 &+ UInt32(bitPattern: left), $1 &+ UInt32(bitPattern: right)) }
  }

  /// Changes the checksum of TCP, UDP or ICMP. A UDP checksum of 0 means that there is none, so 0 is sent as 0xffff (RFC 768).
  func applyToTransport(_ delta: ChecksumDelta) {
    let field = base + (transportOffset + (isTCP ? 16 : isICMP ? 2 : 6))
    if isTCP || isICMP { return delta.apply(to: field) }
    let checksum = field.loadUnaligned(as: UInt16.self)
    guard checksum != 0 else { return }
    let changed = delta.applied(to: checksum)
    field.storeBytes(of: changed == 0 ? 0xffff : changed, as: UInt16.self)
  }

  private func checkPorts() -> PacketEditOutcome {
    payloadOffset == 0 ? .noPacket : isICMP ? .notSupported : .done
  }

  private func checkTCP() -> PacketEditOutcome { payloadOffset == 0 ? .noPacket : isTCP ? .done : .notTCP }

  private mutating func setAddress(_ address: IPAddress, at offset: Int, checksumCovers: Bool) -> PacketEditOutcome {
    guard payloadOffset > 0 else { return .noPacket }
    guard address.isV4 == (ipVersion == 4) else { return .wrongAddressFamily }
    if ipVersion == 4 {
      let bits = UInt32(truncatingIfNeeded: address.low)
      // ICMP has no pseudo-header over IPv4 (RFC 792), over IPv6 it has (RFC 4443 2.3).
      let covered: Coverage = isICMP ? .network : [.network, .transport]
      overwrite(bits.bigEndian, at: networkOffset + offset, covered: covered)
    } else {
      let covered: Coverage = checksumCovers ? .transport : []
      overwrite(address.high.bigEndian, at: networkOffset + offset, covered: covered)
      overwrite(address.low.bigEndian, at: networkOffset + offset + 8, covered: covered)
    }
    return .done
  }

  private mutating func setEnd(
    _ address: IPAddress, _ port: UInt16, addressAt: Int, portAt: Int, checksumCovers: Bool
  ) -> PacketEditOutcome {
    let refusal = checkPorts()
    guard refusal == .done else { return refusal }
    guard ipVersion == 4, address.isV4 else {
      let outcome = setAddress(address, at: addressAt, checksumCovers: checksumCovers)
      return outcome == .done ? setTransport(port, at: portAt) : outcome
    }
    let place = networkHeader + addressAt
    let portPlace = base + transportOffset + portAt
    let oldAddress = place.loadUnaligned(as: UInt32.self)
    let newAddress = UInt32(truncatingIfNeeded: address.low).bigEndian
    let oldPort = portPlace.loadUnaligned(as: UInt16.self)
    place.storeBytes(of: newAddress, as: UInt32.self)
    portPlace.storeBytes(of: port.bigEndian, as: UInt16.self)
    var delta = ChecksumDelta()
    delta.replace(oldAddress, with: newAddress)
    delta.apply(to: networkHeader + 10)
    delta.replace(inMemory: oldPort, with: port.bigEndian)
    applyToTransport(delta)
    return .done
  }

  private mutating func setTransport<Value: FixedWidthInteger & BitwiseCopyable>(
    _ value: Value, at offset: Int
  ) -> PacketEditOutcome {
    overwrite(value.bigEndian, at: transportOffset + offset, covered: .transport)
    return .done
  }

  /// Writes `value` as it lies in memory. IP and TCP begin at even offsets of what their checksums cover, and so of each
  /// other.
  private mutating func overwrite<Value: FixedWidthInteger & BitwiseCopyable>(
    _ value: Value, at offset: Int, covered: Coverage
  ) {
    var delta = ChecksumDelta()
    let size = MemoryLayout<Value>.size
    let isOdd = (offset - networkOffset) & 1 != 0
    delta.remove(base + offset, count: size, isOdd: isOdd)
    withUnsafeBytes(of: value) { delta.add($0.baseAddress!, count: size, isOdd: isOdd) }
    base.storeBytes(of: value, toByteOffset: offset, as: Value.self)
    if covered.contains(.network) { delta.apply(to: networkHeader + 10) }
    if covered.contains(.transport) { applyToTransport(delta) }
  }
}
