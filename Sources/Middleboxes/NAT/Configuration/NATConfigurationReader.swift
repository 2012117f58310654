import MOSCore

/// Reads a NAT's configuration file. Every method throws at the first error, with the place of what is wrong.
struct NATConfigurationReader: ConfigurationReader {
  let file: String

  private static let keys = [
    "internal", "external", "filtering", "ports", "keep-port", "keep-parity", "maximum", "per-host", "ftp", "log",
    "timeouts", "udp-inbound-refresh", "decrement-time-to-live", "forwards", "one-to-one",
    "nat64", "icmp", "mtu",
  ]
  private static let filterings: [(String, NATConfiguration.Filtering)] = [
    ("endpoint-independent", .endpointIndependent), ("address-dependent", .addressDependent),
    ("address-and-port-dependent", .addressAndPortDependent),
  ]
  private static let protocols: [(String, UInt8)] = [("tcp", IPProtocol.tcp), ("udp", IPProtocol.udp)]

  func read(_ root: YAMLNode, into result: inout NATConfiguration) throws(ConfigurationError) {
    let fields = try fields(of: root, in: "a NAT configuration", known: Self.keys)
    let node64 = fields["nat64"]
    if node64 == nil || fields["internal"] != nil {
      try readNetworks(try required("internal", fields, of: root, in: "the configuration"), into: &result)
    }
    if node64 == nil || fields["external"] != nil {
      try readExternal(try required("external", fields, of: root, in: "the configuration"), into: &result)
    }
    if let node64 { try read64(node64, into: &result) }
    if let node = fields["filtering"] {
      result.filtering = try word(
        node, "filtering", Self.filterings, expected: Self.filterings.map(\.0).joined(separator: ", "),
        noun: "filtering")
    }
    if let node = fields["ports"] { result.ports = try portRange(node, "ports") }
    if let node = fields["keep-port"] { result.keepsPort = try yesOrNo(node, "keep-port") }
    if let node = fields["keep-parity"] { result.keepsParity = try yesOrNo(node, "keep-parity") }
    if let node = fields["maximum"] {
      result.maximum = Int(try number(node, "maximum", in: 16...NATConfiguration.largestMaximum))
    }
    if let node = fields["per-host"] {
      result.perHost = UInt32(try number(node, "per-host", in: 1...NATConfiguration.largestMaximum))
    }
    if let node = fields["ftp"] { result.translatesFTP = try yesOrNo(node, "ftp") }
    if let node = fields["log"] { result.logs = try yesOrNo(node, "log") }
    if let node = fields["timeouts"] { result.timeouts = try timeouts(node) }
    if let node = fields["udp-inbound-refresh"] {
      result.udpInboundRefresh = try yesOrNo(node, "udp-inbound-refresh")
    }
    if let node = fields["decrement-time-to-live"] {
      result.decrementsTimeToLive = try yesOrNo(node, "decrement-time-to-live")
    }
    if let node = fields["icmp"] { try readMessages(node, into: &result) }
    if let node = fields["mtu"] { try readMTU(node, into: &result) }
    if let node = fields["one-to-one"] { try readOneToOne(node, into: &result) }
    if let node = fields["forwards"] { try readForwards(node, into: &result) }
  }

  private func readNetworks(_ node: YAMLNode, into result: inout NATConfiguration) throws(ConfigurationError) {
    for element in try list(node, "internal", expected: addressExample) {
      let prefix = try prefix(element, "internal")
      guard prefix.isV4 else { throw fail(element, "internal: \(prefix) is IPv6, and only IPv4 is translated") }
      result.networks.append(prefix)
    }
  }

  private func readExternal(_ node: YAMLNode, into result: inout NATConfiguration) throws(ConfigurationError) {
    let limit = NATConfiguration.largestExternalCount
    for element in try list(node, "external", limit: limit, expected: "the NAT's addresses") {
      result.external.append(try externalAddress(element, "external", result))
    }
  }

  /// An address of the NAT that nothing else has.
  func externalAddress(
    _ node: YAMLNode, _ key: String, _ result: NATConfiguration
  ) throws(ConfigurationError) -> UInt32 {
    let address = try address(node, key)
    if result.isInternal(address) {
      throw fail(node, "\(key): \(IPAddress(v4: address)) is in an internal network, expected one outside of them")
    }
    if result.external.contains(address) || result.pool.contains(address)
      || result.oneToOne.contains(where: { $0.external == address })
    {
      throw fail(node, "\(key): \(IPAddress(v4: address)) is there already")
    }
    return address
  }

  private func hostAddress(
    _ node: YAMLNode, _ key: String, _ result: NATConfiguration
  ) throws(ConfigurationError) -> UInt32 {
    let address = try address(node, key)
    guard result.isInternal(address) else {
      throw fail(node, "\(key): \(IPAddress(v4: address)) is in none of the internal networks")
    }
    return address
  }

  private func address(_ node: YAMLNode, _ key: String) throws(ConfigurationError) -> UInt32 {
    let prefix = try prefix(node, key)
    guard prefix.isV4, prefix.length == 32 else {
      throw fail(node, "\(key): \(prefix) is no IPv4 address, expected for example 198.51.100.1")
    }
    return UInt32(truncatingIfNeeded: prefix.address.low)
  }

  private func portRange(_ node: YAMLNode, _ key: String) throws(ConfigurationError) -> ClosedRange<UInt16> {
    let ranges = try ranges(node, key, largest: .max, noun: "port", example: "80 or 1024-65535")
    guard ranges.count == 1, ranges[0].lowerBound > 0 else {
      throw fail(node, "\(key): expected one port or range of them, from 1 on, for example 80 or 1024-65535")
    }
    return ranges[0]
  }

  private func timeouts(_ node: YAMLNode) throws(ConfigurationError) -> NATConfiguration.Timeouts {
    let fields = try fields(
      of: node, in: "timeouts", known: ["tcp-established", "tcp-transitory", "udp", "icmp"])
    var result = NATConfiguration.Timeouts()
    let largest = NATConfiguration.largestTimeout
    if let node = fields["tcp-established"] {
      result.established = try number(node, "tcp-established", in: 7_440...largest)
    }
    if let node = fields["tcp-transitory"] {
      result.transitory = try number(node, "tcp-transitory", in: 240...largest)
    }
    if let node = fields["udp"] { result.udp = try number(node, "udp", in: 120...largest) }
    if let node = fields["icmp"] { result.icmp = try number(node, "icmp", in: 60...largest) }
    return result
  }

  private func entries(_ node: YAMLNode, _ key: String, _ example: String) throws(ConfigurationError) -> [YAMLNode] {
    guard case .sequence(let elements) = node.content else {
      throw fail(node, "\(key): found \(node.shown), expected a list, for example - {\(example)}")
    }
    let limit = NATConfiguration.largestListCount
    if elements.count > limit { throw fail(elements[limit], "\(key): the list has more than \(limit) entries") }
    return elements
  }

  private func readOneToOne(_ node: YAMLNode, into result: inout NATConfiguration) throws(ConfigurationError) {
    let example = "internal: 10.0.0.9, external: 198.51.100.9"
    for element in try entries(node, "one-to-one", example) {
      let fields = try fields(of: element, in: "one-to-one", known: ["internal", "external"])
      let hostNode = try required("internal", fields, of: element, in: "this entry of one-to-one")
      let host = try hostAddress(hostNode, "internal", result)
      if result.oneToOne.contains(where: { $0.host == host }) {
        throw fail(hostNode, "internal: \(IPAddress(v4: host)) has an external address already")
      }
      let externalNode = try required("external", fields, of: element, in: "this entry of one-to-one")
      let external = try externalAddress(externalNode, "external", result)
      result.oneToOne.append(NATConfiguration.OneToOne(host: host, external: external))
    }
  }

  private func readForwards(_ node: YAMLNode, into result: inout NATConfiguration) throws(ConfigurationError) {
    let example = "protocol: tcp, external: 198.51.100.1, ports: 80, to: 10.0.0.5"
    for element in try entries(node, "forwards", example) {
      let forward = try forward(element, result)
      for other in result.forwards
      where other.external == forward.external && !Set(other.protocols).isDisjoint(with: forward.protocols)
        && other.ports.overlaps(forward.ports)
      {
        throw fail(element, "forwards: one of these ports leads to \(IPAddress(v4: other.host)) already")
      }
      for other in result.forwards
      where other.host == forward.host && !Set(other.protocols).isDisjoint(with: forward.protocols)
        && other.hostPorts.overlaps(forward.hostPorts)
      {
        throw fail(
          element, "forwards: another entry leads to one of these ports of \(IPAddress(v4: other.host)) already")
      }
      result.forwards.append(forward)
    }
  }

  private func forward(
    _ node: YAMLNode, _ result: NATConfiguration
  ) throws(ConfigurationError) -> NATConfiguration.Forward {
    let known = ["protocol", "external", "ports", "to", "to-port"]
    let fields = try fields(of: node, in: "forwards", known: known)
    let what = "this entry of forwards"
    var protocols: [UInt8] = []
    for element in try list(
      try required("protocol", fields, of: node, in: what), "protocol", expected: "tcp, udp or [tcp, udp]")
    {
      let number = try word(element, "protocol", Self.protocols, expected: "tcp or udp", noun: "protocol")
      if !protocols.contains(number) { protocols.append(number) }
    }
    let externalNode = try required("external", fields, of: node, in: what)
    let external = try address(externalNode, "external")
    guard result.external.contains(external) else {
      throw fail(externalNode, "external: \(IPAddress(v4: external)) is not in the list of external addresses")
    }
    let ports = try portRange(try required("ports", fields, of: node, in: what), "ports")
    let hostNode = try required("to", fields, of: node, in: what)
    let host = try hostAddress(hostNode, "to", result)
    if result.oneToOne.contains(where: { $0.host == host }) {
      throw fail(hostNode, "to: \(IPAddress(v4: host)) has an external address of its own under one-to-one")
    }
    var hostPort = ports.lowerBound
    if let node = fields["to-port"] {
      hostPort = UInt16(try number(node, "to-port", in: 1...UInt64(65_536 - ports.count)))
    }
    return NATConfiguration.Forward(
      protocols: protocols, external: external, ports: ports, host: host, hostPort: hostPort)
  }
}

extension NATConfiguration {
  func isInternal(_ address: UInt32) -> Bool {
    networks.contains { $0.address <= IPAddress(v4: address) && IPAddress(v4: address) <= $0.last }
  }
}

extension NATConfiguration.Forward {
  /// The host's ports.
  var hostPorts: ClosedRange<UInt16> { hostPort...hostPort &+ UInt16(ports.count - 1) }
}
