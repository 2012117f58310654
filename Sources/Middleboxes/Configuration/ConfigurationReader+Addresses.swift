import MOSCore

/// Addresses and networks.
extension ConfigurationReader {
  var addressExample: String { "an address or network, for example 10.0.0.0/8 or fd00::/8" }

  /// A network, or an address as the network that has only it.
  func prefix(_ node: YAMLNode, _ key: String) throws(ConfigurationError) -> IPPrefix {
    try prefix(try text(node, key, expected: addressExample), at: node, key)
  }

  func prefix(_ text: String, at node: YAMLNode, _ key: String) throws(ConfigurationError) -> IPPrefix {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let address = IPAddress(String(parts[0])) else {
      throw fail(node, "\(key): \(quoted(text)) is no address or network, expected \(addressExample)")
    }
    if address.isV4 && parts[0].utf8.contains(UInt8(ascii: ":")) {
      throw fail(node, "\(key): \(quoted(text)) is an IPv4-mapped address, expected it as IPv4: \(address)")
    }
    let bits = address.isV4 ? 32 : 128
    guard parts.count == 2 else { return IPPrefix(address, length: bits)! }
    guard let length = Self.number(parts[1]), length <= UInt64(bits) else {
      throw fail(
        node,
        "\(key): \(quoted(String(parts[1]))) is no prefix length of IPv\(bits == 32 ? 4 : 6), "
          + "expected 0 to \(bits)")
    }
    guard let prefix = IPPrefix(address, length: Int(length)) else {
      let network = IPPrefix(address.masked(to: Int(length)), length: Int(length))!
      throw fail(
        node, "\(key): \(text) has bits set behind the first \(length), expected \(network) or \(address)")
    }
    return prefix
  }
}
