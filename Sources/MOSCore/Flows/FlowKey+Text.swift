extension FlowKey: CustomStringConvertible {
  /// `tcp 192.0.2.10:50001 -> 198.51.100.80:80`, the source first, with the outer VLAN behind where there is one; ports are
  /// those of TCP, UDP and SCTP.
  public var description: String {
    let sctp: UInt8 = 132
    let hasPorts = [IPProtocol.tcp, IPProtocol.udp, sctp].contains(protocolNumber)
    func end(_ address: IPAddress, _ port: UInt16) -> String {
      if !hasPorts { return "\(address)" }
      return address.isV4 ? "\(address):\(port)" : "[\(address)]:\(port)"
    }
    let name =
      switch protocolNumber {
      case IPProtocol.tcp: "tcp"
      case IPProtocol.udp: "udp"
      case IPProtocol.icmp, IPProtocol.icmpv6: "icmp"
      default: "unknown_transport"
      }
    let ends = "\(name) \(end(source, sourcePort)) -> \(end(destination, destinationPort))"
    return vlan > 0 ? "\(ends) vlan \(vlan)" : ends
  }
}
