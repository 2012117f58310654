import MOSCore

/// A frame that the router makes itself, or has kept: for the port at which it is to leave.
struct RouterFrame {
  var port: Int
  var bytes: [UInt8]

  private init(port: Int, byteCount: Int, _ fill: (UnsafeMutableRawPointer) -> Void) {
    self.port = port
    bytes = [UInt8](repeating: 0, count: byteCount)
    bytes.withUnsafeMutableBytes { fill($0.baseAddress!) }
  }

  /// A frame as it is.
  init(port: Int, bytes: [UInt8]) {
    self.port = port
    self.bytes = bytes
  }

  /// An ARP packet (RFC 826): operation 1 asks, 2 answers. Addresses are those of IPv4.
  init(
    arp operation: UInt16, at port: Int, from: (hardware: MACAddress, address: IPAddress),
    to: (hardware: MACAddress, address: IPAddress), isBroadcast: Bool
  ) {
    // The shortest frame that Ethernet has, without its check sequence.
    self.init(port: port, byteCount: 60) { frame in
      frame.storeMAC(isBroadcast ? MACAddress(rawValue: .max) : to.hardware, at: 0)
      frame.storeMAC(from.hardware, at: 6)
      frame.storeBE16(0x0806, at: 12)
      frame.storeBE64(0x0001_0800_0604_0000 | UInt64(operation), at: 14)
      frame.storeMAC(from.hardware, at: 22)
      frame.storeBE32(UInt32(truncatingIfNeeded: from.address.low), at: 28)
      frame.storeMAC(isBroadcast ? MACAddress(rawValue: 0) : to.hardware, at: 32)
      frame.storeBE32(UInt32(truncatingIfNeeded: to.address.low), at: 38)
    }
  }

  /// A neighbor solicitation (RFC 4861 4.3) for `target`: to all who may have it, or to `hardware`, to see whether it is
  /// still there.
  init(
    solicitation target: IPAddress, hardware: MACAddress?, at port: Int,
    from: (hardware: MACAddress, address: IPAddress)
  ) {
    // RFC 4291 2.7.1, RFC 2464 7.
    let group = IPAddress(high: 0xff02 << 48, low: 0x1_ff00_0000 | target.low & 0xff_ffff)
    let groupHardware = MACAddress(rawValue: 0x3333_0000_0000 | group.low & 0xffff_ffff)
    self.init(
      type: 135, flags: 0, target: target, option: 1, at: port, from: from,
      to: hardware.map { ($0, target) } ?? (groupHardware, group))
  }

  /// A neighbor advertisement (RFC 4861 4.4) of a router. Who has no address yet is answered at all hosts (7.2.4).
  init(
    advertisement target: IPAddress, at port: Int, hardware: MACAddress, to: (hardware: MACAddress, address: IPAddress)
  ) {
    let hasAddress = to.address != IPAddress(high: 0, low: 0)
    let allHosts = (MACAddress(rawValue: 0x3333_0000_0001), IPAddress(high: 0xff02 << 48, low: 1))
    self.init(
      type: 136, flags: hasAddress ? 0xe000_0000 : 0xa000_0000, target: target, option: 2, at: port,
      from: (hardware, target), to: hasAddress ? to : allHosts)
  }

  private init(
    type: UInt8, flags: UInt32, target: IPAddress, option: UInt8, at port: Int,
    from: (hardware: MACAddress, address: IPAddress), to: (hardware: MACAddress, address: IPAddress)
  ) {
    self.init(port: port, byteCount: 14 + 40 + 32) { frame in
      frame.storeMAC(to.hardware, at: 0)
      frame.storeMAC(from.hardware, at: 6)
      frame.storeBE16(0x86dd, at: 12)
      frame.storeBE32(6 << 28, at: 14)
      frame.storeBE16(32, at: 18)
      frame.store8(IPProtocol.icmpv6, at: 20)
      frame.store8(255, at: 21)
      frame.storeAddress(from.address, at: 22)
      frame.storeAddress(to.address, at: 38)
      frame.store8(type, at: 54)
      frame.storeBE32(flags, at: 58)
      frame.storeAddress(target, at: 62)
      frame.store8(option, at: 78)
      frame.store8(1, at: 79)
      frame.storeMAC(from.hardware, at: 80)
      var checksum = Checksum(
        ipv6Source: frame + 22, destination: frame + 38, protocolNumber: IPProtocol.icmpv6, length: 32)
      checksum.add(frame + 54, count: 32)
      frame.storeBE16(checksum.value, at: 56)
    }
  }
}

extension UnsafeMutableRawPointer {
  /// Writes the six bytes of an Ethernet address. The same invariant as for the other stores.
  func storeMAC(_ address: MACAddress, at offset: Int) {
    storeBE16(UInt16(truncatingIfNeeded: address.rawValue >> 32), at: offset)
    storeBE32(UInt32(truncatingIfNeeded: address.rawValue), at: offset + 2)
  }

  fileprivate func storeAddress(_ address: IPAddress, at offset: Int) {
    storeBE64(address.high, at: offset)
    storeBE64(address.low, at: offset + 8)
  }
}
