/// The fastest change of addresses and ports: of TCP and UDP over IPv4, where the packet lies, with one checksum update for
/// address and port together (RFC 1624 3).
extension UnsafePointer where Pointee == DecodedPacket {
  /// Whether the ends can be changed where they lie: whatever `PacketEditor.load` would refuse cannot, and IPv6 is left to
  /// it.
  @inlinable @inline(__always) public var hasRewritableEnds: Bool {
    guard pointee.ipVersion == 4, pointee.kind.rawValue <= PacketKind.udp.rawValue, pointee.tunnelDepth == 0,
      !pointee.isReassembled, pointee.anomalies.rawValue == 0, pointee.payloadLength == pointee.payloadWireLength,
      pointee.transport - pointee.network >= 20
    else { return false }
    // No fragment, whatever `DF` says, and no authentication header before the transport's.
    let fragment = pointee.network.loadUnaligned(fromByteOffset: 6, as: UInt16.self)
    return fragment.bigEndian & 0x3fff == 0
      && pointee.network.load(fromByteOffset: 9, as: UInt8.self) == pointee.key.protocolNumber
  }
}

extension UnsafeMutablePointer where Pointee == DecodedPacket {
  /// Makes this the same description, without a call for so few bytes.
  @inlinable @inline(__always) public func copy(_ packet: UnsafePointer<DecodedPacket>) {
    // Not a byte more than it has: behind it may be something else.
    let size = MemoryLayout<DecodedPacket>.size
    let (source, target) = (UnsafeRawPointer(packet), UnsafeMutableRawPointer(self))
    for offset in stride(from: 0, to: size & ~15, by: 16) {
      let piece = source.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self)
      target.storeBytes(of: piece, toByteOffset: offset, as: SIMD16<UInt8>.self)
    }
    // The last piece overlaps the one before.
    let piece = source.loadUnaligned(fromByteOffset: size - 16, as: SIMD16<UInt8>.self)
    target.storeBytes(of: piece, toByteOffset: size - 16, as: SIMD16<UInt8>.self)
  }

  /// Sets source address and port, in the frame's bytes and in what is said of them. Preconditions: `hasRewritableEnds`, the
  /// address is of IPv4, and the frame may be written.
  @inlinable @inline(__always) public func rewriteSource(_ address: IPAddress, port: UInt16) {
    rewrite(address, port, addressAt: 12, portAt: 0)
    pointee.key.source = address
    pointee.key.rest = pointee.key.rest & 0x0000_ffff_ffff_ffff | UInt64(port) &<< 48
  }

  /// The same of the destination.
  @inlinable @inline(__always) public func rewriteDestination(_ address: IPAddress, port: UInt16) {
    rewrite(address, port, addressAt: 16, portAt: 2)
    pointee.key.destination = address
    pointee.key.rest = pointee.key.rest & 0xffff_0000_ffff_ffff | UInt64(port) &<< 32
  }

  @inlinable @inline(__always) func rewrite(_ address: IPAddress, _ port: UInt16, addressAt: Int, portAt: Int) {
    let network = UnsafeMutableRawPointer(mutating: pointee.network)
    let transport = UnsafeMutableRawPointer(mutating: pointee.transport)
    let newAddress = UInt32(truncatingIfNeeded: address.low).bigEndian
    let newPort = port.bigEndian
    let oldAddress = network.loadUnaligned(fromByteOffset: addressAt, as: UInt32.self)
    let oldPort = transport.loadUnaligned(fromByteOffset: portAt, as: UInt16.self)
    network.storeBytes(of: newAddress, toByteOffset: addressAt, as: UInt32.self)
    transport.storeBytes(of: newPort, toByteOffset: portAt, as: UInt16.self)
    // In the order in which the bytes lie in memory (RFC 1071 2 B). Words of 32 bits, of which a few cannot overflow 64.
    let addresses = UInt64(~oldAddress) &+ UInt64(newAddress)
    update(network + 10, by: addresses, keepsZero: false)
    let ends = addresses &+ UInt64(~oldPort) &+ UInt64(newPort)
    if pointee.kind == .tcp {
      update(transport + 16, by: ends, keepsZero: false)
    } else {
      update(transport + 6, by: ends, keepsZero: true)
    }
  }

  /// Adds to the checksum at `field`. Of UDP, 0 means that there is none, so that 0 is sent as 0xffff (RFC 768).
  @inlinable @inline(__always) func update(_ field: UnsafeMutableRawPointer, by difference: UInt64, keepsZero: Bool) {
    let old = field.loadUnaligned(as: UInt16.self)
    if keepsZero, old == 0 { return }
    var sum = difference &+ UInt64(~old)
    sum = sum & 0xffff_ffff &+ sum &>> 32
    sum = sum & 0xffff &+ sum &>> 16
    sum = sum & 0xffff &+ sum &>> 16
    let new = ~UInt16(truncatingIfNeeded: sum)
    field.storeBytes(of: keepsZero && new == 0 ? 0xffff : new, as: UInt16.self)
  }
}
