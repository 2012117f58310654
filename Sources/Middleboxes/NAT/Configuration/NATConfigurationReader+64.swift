import MOSCore

extension NATConfigurationReader {
  /// Reads `nat64`, behind `internal` and `external`.
  func read64(_ node: YAMLNode, into result: inout NATConfiguration) throws(ConfigurationError) {
    let fields = try fields(of: node, in: "nat64", known: ["prefix", "pool", "copy-traffic-class"])
    let prefixNode = try required("prefix", fields, of: node, in: "nat64")
    let prefix = try prefix(prefixNode, "prefix")
    guard let embedding = AddressEmbedding(prefix) else {
      let lengths = AddressEmbedding.lengths.map(String.init).joined(separator: ", ")
      throw fail(
        prefixNode,
        "prefix: \(prefix) is none for IPv4 addresses, expected one of IPv6 with \(lengths) bits of which bits 64 to 71 are 0, "
          + "for example 64:ff9b::/96")
    }
    result.embedding = embedding
    if let node = fields["copy-traffic-class"] {
      result.copiesTrafficClass = try yesOrNo(node, "copy-traffic-class")
    }
    if let pool = fields["pool"] {
      let limit = NATConfiguration.largestExternalCount
      for element in try list(pool, "pool", limit: limit, expected: "addresses for IPv6 hosts") {
        let address = try externalAddress(element, "pool", result)
        if result.pool.contains(address) { throw fail(element, "pool: \(IPAddress(v4: address)) is there already") }
        result.pool.append(address)
      }
    }
    if result.external.isEmpty && result.pool.isEmpty {
      throw fail(node, "nat64: there are no addresses for hosts, expected `pool` here or `external` beside it")
    }
  }
}
