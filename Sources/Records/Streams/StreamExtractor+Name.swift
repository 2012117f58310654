import MOSCore

extension StreamExtractor {
  /// A stream's file name as tcpflow's: the sender's address and port, a hyphen, the receiver's. IPv4 numbers have three
  /// digits each, ports five; `--` and the VLAN where there is one; `c1`, `c2` ... for later connections with the same
  /// addresses. `key` has the sender as source.
  static func name(of key: FlowKey, connection: UInt32) -> String {
    var name = "\(endpoint(key.source, key.sourcePort))-\(endpoint(key.destination, key.destinationPort))"
    if key.vlan > 0 { name += "--\(key.vlan)" }
    if connection > 0 { name += "c\(connection)" }
    return name
  }

  private static func endpoint(_ address: IPAddress, _ port: UInt16) -> String {
    guard address.isV4 else { return "\(address).\(padded(UInt64(port), 5))" }
    let numbers = [24, 16, 8, 0].map { padded(address.low >> $0 & 255, 3) }
    return "\(numbers.joined(separator: ".")).\(padded(UInt64(port), 5))"
  }

  private static func padded(_ value: UInt64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
