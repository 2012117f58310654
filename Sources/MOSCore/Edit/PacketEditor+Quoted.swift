/// Changes to the packet that an ICMP error quotes (RFC 792), as who translates addresses has to make them (RFC 5508 4.2).
///
/// The checksums in the quotation are carried along as far as they are there, so that what the receiver of the error finds
/// is the packet that it sent; and so is the error's own.
extension PacketEditor {
  /// Sets the source of the quoted packet: its address, and the port of TCP or UDP, or the identifier of an ICMP query.
  /// IPv4 only.
  public mutating func setQuotedSource(_ address: IPAddress, port: UInt16) -> PacketEditOutcome {
    setQuoted(address, port, isSource: true)
  }

  /// Sets the destination of the quoted packet in the same way.
  public mutating func setQuotedDestination(_ address: IPAddress, port: UInt16) -> PacketEditOutcome {
    setQuoted(address, port, isSource: false)
  }

  /// Where in the quotation, which begins at the payload's first byte, something is.
  private struct Places {
    var address: Int
    var port: Int
    var networkChecksum: Int
    /// -1 where it is not there.
    var transportChecksum = -1
    /// Whether the transport's checksum covers addresses.
    var hasPseudoHeader = true
    /// Whether a checksum of 0 means that there is none (RFC 768).
    var isOptional = false
  }

  private mutating func setQuoted(_ address: IPAddress, _ port: UInt16, isSource: Bool) -> PacketEditOutcome {
    guard payloadOffset > 0 else { return .noPacket }
    guard isICMP, ipVersion == 4 else { return .notSupported }
    guard address.isV4 else { return .wrongAddressFamily }
    let quotation = UnsafeRawPointer(base + payloadOffset)
    guard let header = IPv4Header(quotation, length: UInt32(payloadLength)), header.version == 4,
      header.headerLength >= IPv4Header.minimumLength, Int(header.headerLength) + 8 <= payloadLength
    else { return .malformed }
    if header.fragmentOffset != 0 { return .fragment }
    let transport = Int(header.headerLength)
    var places = Places(address: isSource ? 12 : 16, port: transport + (isSource ? 0 : 2), networkChecksum: 10)
    switch header.protocolNumber {
    case IPProtocol.tcp:
      // The eight bytes that all errors quote do not reach to it.
      if transport + 18 <= payloadLength { places.transportChecksum = transport + 16 }
    case IPProtocol.udp:
      places.transportChecksum = transport + 6
      places.isOptional = true
    case IPProtocol.icmp:
      guard ICMPHeader.hasIdentifier(quotation.load8(at: transport), isV6: false) else { return .notSupported }
      places.port = transport + 4
      places.transportChecksum = transport + 2
      places.hasPseudoHeader = false
    default: return .notSupported
    }
    let bits = UInt32(truncatingIfNeeded: address.low).bigEndian
    let addressDelta = overwriteQuoted(bits, at: places.address)
    apply(addressDelta, at: places.networkChecksum, isOptional: false)
    if places.hasPseudoHeader { apply(addressDelta, at: places.transportChecksum, isOptional: places.isOptional) }
    let portDelta = overwriteQuoted(port.bigEndian, at: places.port)
    apply(portDelta, at: places.transportChecksum, isOptional: places.isOptional)
    return .done
  }

  /// Writes a value as it lies in memory. Everything that is written here begins at an even offset.
  private mutating func overwriteQuoted<Value: FixedWidthInteger & BitwiseCopyable>(
    _ value: Value, at offset: Int
  ) -> ChecksumDelta {
    var delta = ChecksumDelta()
    let size = MemoryLayout<Value>.size
    delta.remove(base + payloadOffset + offset, count: size)
    withUnsafeBytes(of: value) { bytes in
      delta.add(bytes.baseAddress!, count: size)
      _ = overwritePayload(at: offset, with: bytes)
    }
    return delta
  }

  /// Changes a checksum in the quotation, where it is there.
  private mutating func apply(_ delta: ChecksumDelta, at offset: Int, isOptional: Bool) {
    guard offset >= 0 else { return }
    let old = (base + payloadOffset + offset).loadUnaligned(as: UInt16.self)
    if isOptional && old == 0 { return }
    var new = delta.applied(to: old)
    if isOptional && new == 0 { new = 0xffff }
    _ = overwriteQuoted(new, at: offset)
  }
}
