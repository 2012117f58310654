import MOSCore

/// The addresses of a box that routes between its ports, as the command line has them.
struct RouterConfiguration: Sendable {
  /// An address of the box, and how much of it names the network at the port.
  struct Address: Sendable {
    var address: IPAddress
    var network: IPPrefix
  }

  /// Something is wrong with what was given; `message` is one line.
  struct Mistake: Error, Equatable {
    var message: String
  }

  /// Those at the first port, and at the second.
  private(set) var ports: [[Address]] = []
  /// Next hops for what is in no network of the ports, and the ports at which they are.
  private(set) var gateways: [(address: IPAddress, port: Int)] = []
  /// The ports' networks of more than one address, the longest prefixes first.
  private var routes: [(network: IPPrefix, port: Int)] = []
  private var own: Set<IPAddress> = []

  static let mostAddresses = 1_024

  /// Reads lists such as `192.168.0.1/24,fd00::1/64`, one for each port, and next hops, of IPv4 and IPv6 at most one each.
  init(_ lists: [String], gateways: [String]) throws(Mistake) {
    guard lists.count == 2 else {
      throw Mistake(
        message: "--addresses: to be given for both ports, in the order of --port, and not \(lists.count) times")
    }
    for list in lists {
      var addresses: [Address] = []
      for text in list.split(separator: ",", omittingEmptySubsequences: false) {
        addresses.append(try Self.address(String(text)))
      }
      ports.append(addresses)
    }
    try checkNetworks()
    for text in gateways { self.gateways.append(try gateway(text)) }
    own = Set(ports.joined().map(\.address))
    for port in 0...1 {
      for network in Set(ports[port].map(\.network)) where network.address != network.last {
        routes.append((network, port))
      }
    }
    routes.sort { $0.network.length > $1.network.length }
  }

  private static func address(_ text: String) throws(Mistake) -> Address {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let address = IPAddress(String(first)) else {
      throw Mistake(message: "--addresses: \"\(text)\" is no address, expected for example 192.168.0.1/24")
    }
    let bits = address.isV4 ? 32 : 128
    // A network of an address that has all its bits says whether the length is one.
    let length = parts.count == 1 ? bits : UInt8(parts[1]).map(Int.init) ?? -1
    guard 1...bits ~= length, let network = IPPrefix(address.masked(to: length), length: length) else {
      throw Mistake(message: "--addresses \(text): the length is 1 to \(bits)")
    }
    guard address.isHost else { throw Mistake(message: "--addresses \(text): it is no address of a host") }
    return Address(address: address, network: network)
  }

  private func checkNetworks() throws(Mistake) {
    let all = ports[0] + ports[1]
    guard all.count <= Self.mostAddresses else {
      throw Mistake(message: "--addresses: \(all.count) of them; there can be \(Self.mostAddresses)")
    }
    for (index, one) in all.enumerated() where all[..<index].contains(where: { $0.address == one.address }) {
      throw Mistake(message: "--addresses: \(one.address) is there twice")
    }
    for one in ports[0] {
      for other in ports[1] where one.network.contains(other.address) || other.network.contains(one.address) {
        throw Mistake(message: "--addresses: \(one.network) and \(other.network) are at both ports")
      }
    }
  }

  private func gateway(_ text: String) throws(Mistake) -> (address: IPAddress, port: Int) {
    guard let address = IPAddress(text), address.isHost else {
      throw Mistake(message: "--gateway \"\(text)\": it is no address of a host")
    }
    guard !ports.joined().contains(where: { $0.address == address }) else {
      throw Mistake(message: "--gateway \(text): it is an address of the box itself")
    }
    guard let port = ports.firstIndex(where: { $0.contains { $0.network.contains(address) } }) else {
      throw Mistake(message: "--gateway \(text): it is in no network of --addresses")
    }
    guard !gateways.contains(where: { $0.address.isV4 == address.isV4 }) else {
      throw Mistake(message: "--gateway \(text): there is one for \(address.isV4 ? "IPv4" : "IPv6") already")
    }
    return (address, port)
  }
}

extension RouterConfiguration {
  /// Whether an address is the box's own, at a port.
  func isOwn(_ address: IPAddress, at port: Int) -> Bool { ports[port].contains { $0.address == address } }

  /// Whether an address is in a network of a port.
  func isOnLink(_ address: IPAddress, at port: Int) -> Bool { ports[port].contains { $0.network.contains(address) } }

  /// The address that the box has among those of `address`'s network; nil where it has none of the kind at the port.
  func own(for address: IPAddress, at port: Int) -> IPAddress? {
    (ports[port].first { $0.network.contains(address) } ?? ports[port].first { $0.address.isV4 == address.isV4 })?
      .address
  }

  /// Where a packet goes: the longest network that has its destination, or else the gateway of its kind. Nil for nowhere, and
  /// for the box itself.
  func nextHop(to destination: IPAddress) -> (address: IPAddress, port: Int)? {
    if own.contains(destination) { return nil }
    for route in routes where route.network.contains(destination) { return (destination, route.port) }
    return gateways.first { $0.address.isV4 == destination.isV4 }
  }
}

extension IPAddress {
  /// Whether it can be that of one host: not unspecified, loopback, multicast or broadcast.
  var isHost: Bool {
    let first = UInt8(truncatingIfNeeded: low >> 24)
    if isV4 { return 1...223 ~= first && first != 127 }
    return high >> 56 != 0xff && !(high == 0 && low <= 1)
  }

  /// Whether it is one that no router forwards (RFC 3927 7, RFC 4291 2.5.6).
  var isLinkLocal: Bool { isV4 ? low >> 16 & 0xffff == 0xa9fe : high >> 54 == 0x3fa }
}
