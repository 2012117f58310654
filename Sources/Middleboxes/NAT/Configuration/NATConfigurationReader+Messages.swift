import MOSCore

extension NATConfigurationReader {
  private static let receivers: [(String, NATConfiguration.MessageReceivers)] = [
    ("all", .all), ("internal", .internal), ("nobody", .nobody),
  ]

  /// Reads `icmp`.
  func readMessages(_ node: YAMLNode, into result: inout NATConfiguration) throws(ConfigurationError) {
    let fields = try fields(of: node, in: "icmp", known: ["toward", "from", "unsolicited-syn"])
    if let node = fields["toward"] {
      result.messagesToward = try word(
        node, "toward", Self.receivers, expected: Self.receivers.map(\.0).joined(separator: ", "), noun: "receiver")
    }
    if let node = fields["unsolicited-syn"] { result.answersSYNs = try yesOrNo(node, "unsolicited-syn") }
    guard let node = fields["from"] else { return }
    for element in try list(node, "from", limit: 2, expected: "an address of IPv4, one of IPv6, or both") {
      let prefix = try prefix(element, "from")
      let address = prefix.address
      guard prefix.length == (prefix.isV4 ? 32 : 128), Self.isHost(address) else {
        throw fail(element, "from: \(prefix) is no address of a host, expected for example 10.0.0.1 or fd00::1")
      }
      guard prefix.isV4 ? result.messageAddress4 == nil : result.messageAddress6 == nil else {
        throw fail(element, "from: there is one of this version already")
      }
      if prefix.isV4 {
        let v4 = UInt32(truncatingIfNeeded: address.low)
        guard result.isInternal(v4) || result.external.contains(v4) else {
          throw fail(element, "from: \(address) is neither in an internal network nor among the external addresses")
        }
        result.messageAddress4 = v4
      } else {
        result.messageAddress6 = address
      }
    }
  }

  /// Neither nobody's nor a group's, nor the host's own.
  private static func isHost(_ address: IPAddress) -> Bool {
    guard address.isV4 else { return address.high >> 56 != 0xff && (address.high != 0 || address.low > 1) }
    let first = UInt8(truncatingIfNeeded: address.low >> 24)
    return first != 0 && first != 127 && first < 224
  }

  /// Reads `mtu`.
  func readMTU(_ node: YAMLNode, into result: inout NATConfiguration) throws(ConfigurationError) {
    let fields = try fields(of: node, in: "mtu", known: ["internal", "external"])
    let range: ClosedRange<UInt64> = 576...65_535
    if let node = fields["internal"] { result.internalMTU = Int(try number(node, "internal", in: range)) }
    if let node = fields["external"] { result.externalMTU = Int(try number(node, "external", in: range)) }
  }
}
