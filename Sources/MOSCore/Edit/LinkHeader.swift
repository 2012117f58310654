/// The bytes before the IP header, where they have no length of their own.
enum LinkHeader {
  /// Bytes of the Ethernet header and its VLAN tags in the first `available` bytes of `frame`, and the EtherType behind
  /// them; `nil` when they are not all there.
  static func ethernet(_ frame: UnsafeRawPointer, available: UInt32) -> (length: UInt32, etherType: UInt16)? {
    guard let header = EthernetHeader(frame, length: available) else { return nil }
    var length = EthernetHeader.length
    var type = header.etherType
    while VLANTag.isTag(type) {
      guard let tag = VLANTag(frame + Int(length), length: available &- length) else { return nil }
      type = tag.etherType
      length &+= VLANTag.length
    }
    return (length, type)
  }

  /// Whether `length` bytes before the IP header are known to say nothing about how long the packet is.
  static func isWithoutLength(
    _ frame: UnsafeRawPointer, length: UInt32, ipVersion: UInt8, linkType: LinkType
  ) -> Bool {
    switch linkType {
    case .ethernet:
      guard let header = ethernet(frame, available: length) else { return false }
      return header.length == length && header.etherType == (ipVersion == 4 ? EtherType.ipv4 : EtherType.ipv6)
    case .raw, .rawBSD, .rawOpenBSD, .ipv4, .ipv6: return length == 0
    case .null, .loop: return length == LoopbackHeader.length
    case .linuxSLL: return length == LinuxCookedHeader.length
    case .linuxSLL2: return length == LinuxCookedV2Header.length
    case .ppp, .ieee80211, .radiotap: return false
    }
  }
}
