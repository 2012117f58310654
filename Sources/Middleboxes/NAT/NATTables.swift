import MOSCore

/// A NAT's memory, by one worker: mappings, whom they let in, free ports, and how many mappings each host has. All of it has
/// a size that is set at the start.
struct NATTables: ~Copyable {
  let realms: AddressRealms
  var mappings: MappingTable
  var permits: PermitTable
  var ftp: Slab<FTPSession>
  var unsolicited = UnsolicitedSYNs()
  private var ports: PortPool
  var hosts: HostTable
  private let externalOfHost: AddressPairs
  private let hostOfExternal: AddressPairs
  private let external: FlatTable<UInt32>
  /// Places of addresses in `external`.
  private let places: AddressPairs
  private let hash: FlowHash
  private let perHost: UInt32
  private let timeouts: Timeouts
  let filtering: NATConfiguration.Filtering
  let udpInboundRefresh: Bool
  /// The time to live of what is translated is made smaller, as by any router.
  let isHop: Bool
  /// IPv4 addresses for IPv6 hosts; nil without NAT64.
  let embedding: AddressEmbedding?
  /// Whether what changes its version of IP keeps its traffic class.
  let copiesTrafficClass: Bool
  /// What the NAT says itself.
  let messages: NATMessages
  /// There is NAT64, or the length of packets matters.
  let looksFurther: Bool
  /// How far from now a flow is settled, less `NATFlow.lengthOffset` where the length of its packets matters.
  let settledStep: Int64
  /// What the packet's way takes that was too long last, as its sender counts.
  var exceededMTU = 0
  /// Which of `external` are for IPv4 hosts, and which for IPv6 hosts.
  private let places4: Range<Int>
  private let places6: Range<Int>
  /// Where datagrams are translated.
  let buffer: UnsafeMutableRawBufferPointer
  /// Of the datagram that was translated last.
  var identification: UInt16 = 0
  var counters = NATCounters()
  /// Packet time.
  var now = Timestamp(nanoseconds: .min)
  /// Why there was no mapping.
  private(set) var refusal = NATRefusal.full
  /// The mapping that the last call began, 0 for none: for the log.
  var begun: UInt32 = 0
  /// The packet that `arrival` let go on last, by its number and key and when it came.
  var passed = (number: UInt64(0), clock: Timestamp(nanoseconds: .min), key: FlowKey?.none)

  /// In nanoseconds.
  private struct Timeouts {
    var established: Int64
    var transitory: Int64
    var udp: Int64
    var icmp: Int64
  }

  init(_ configuration: NATConfiguration, worker: Int, of workers: Int, seed: UInt64) {
    hash = FlowHash(secret: (seed, ~seed))
    realms = AddressRealms(configuration)
    let forwarded = configuration.forwards.reduce(0) { $0 + $1.ports.count * $1.protocols.count }
    mappings = MappingTable(capacity: configuration.maximum + forwarded, hash: hash)
    permits = PermitTable(
      capacity: configuration.filtering == .endpointIndependent ? 1 : 2 * configuration.maximum, hash: hash)
    ftp = Slab(capacity: NATTables.mostFTPSessions)
    hosts = HostTable(capacity: configuration.maximum, hash: hash)
    ports = PortPool(
      addresses: configuration.external.count + configuration.pool.count,
      range: PortPool.part(of: configuration.ports, worker: worker, of: workers), keepsPort: configuration.keepsPort,
      keepsParity: configuration.keepsParity, seed: seed)
    externalOfHost = AddressPairs(configuration.oneToOne.map { ($0.host, $0.external) })
    hostOfExternal = AddressPairs(configuration.oneToOne.map { ($0.external, $0.host) })
    external = FlatTable(configuration.external + configuration.pool)
    places = AddressPairs((configuration.external + configuration.pool).enumerated().map { ($1, UInt32($0)) })
    perHost = configuration.perHost
    filtering = configuration.filtering
    udpInboundRefresh = configuration.udpInboundRefresh
    isHop = configuration.decrementsTimeToLive
    embedding = configuration.embedding
    copiesTrafficClass = configuration.copiesTrafficClass
    messages = NATMessages(configuration)
    looksFurther = embedding != nil || messages.limitsLength
    settledStep = NATTables.settledTime - (messages.limitsLength ? NATFlow.lengthOffset : 0)
    let own = configuration.external.count
    places4 = 0..<own
    places6 = (configuration.pool.isEmpty ? 0 : own)..<own + configuration.pool.count
    buffer = .allocate(byteCount: embedding == nil ? 1 : 66_000, alignment: 64)
    let second: Int64 = 1_000_000_000
    timeouts = Timeouts(
      established: Int64(configuration.timeouts.established) * second,
      transitory: Int64(configuration.timeouts.transitory) * second, udp: Int64(configuration.timeouts.udp) * second,
      icmp: Int64(configuration.timeouts.icmp) * second)
    for forward in configuration.forwards { add(forward) }
  }

  deinit { buffer.deallocate() }

  private mutating func add(_ forward: NATConfiguration.Forward) {
    for number in forward.protocols {
      for (offset, port) in forward.ports.enumerated() {
        var mapping = NATMapping(
          host: NATEnd(forward.host, forward.hostPort &+ UInt16(offset)), external: NATEnd(forward.external, port),
          protocolNumber: number)
        mapping.isStatic = true
        _ = mappings.insert(mapping)
        ports.take(port, address: place(of: forward.external), protocolIndex: Self.index(of: number))
      }
    }
  }

  private func place(of address: UInt32) -> Int { Int(places.find(address) ?? 0) }

  private static func index(of protocolNumber: UInt8) -> Int {
    protocolNumber == IPProtocol.tcp ? 0 : protocolNumber == IPProtocol.udp ? 1 : 2
  }

  /// The address that a host alone has outside; nil for none.
  @inline(__always) func ownAddress(of host: UInt32) -> UInt32? { externalOfHost.find(host) }

  /// The host that has an external address for itself; nil for none.
  @inline(__always) func owner(of external: UInt32) -> UInt32? { hostOfExternal.find(external) }

  /// The mapping of a host's end, begun if there is none (RFC 4787 REQ-1: the same for all destinations); 0 where none can
  /// be begun, for the reason `refusal`.
  mutating func mapping(of end: NATEnd, _ protocolNumber: UInt8) -> UInt32 {
    begun = 0
    let known = mappings.find(host: end, protocolNumber)
    if known != 0 { return known }
    return beginMapping(of: end.ipAddress, end.port, protocolNumber) { _ in end }
  }

  /// Begins the mapping of a host's port; `end` makes the host's number what stands for it in the tables.
  mutating func beginMapping(
    of address: IPAddress, _ port: UInt16, _ protocolNumber: UInt8, _ end: (UInt32) -> NATEnd
  ) -> UInt32 {
    if mappings.isFull { return refuse(.full) }
    if hosts.mappings(of: address) >= perHost { return refuse(.hostLimit) }
    // A host has the same address for all its mappings (REQ-2), of whatever protocol, also when all have ended in between.
    let spread = hash.hashV4(source: address.low ^ address.high, destination: 0, rest: 0) >> 32
    let range = address.isV4 ? places4 : places6
    let place = range.lowerBound + Int((spread &* UInt64(range.count)) >> 32)
    guard !range.isEmpty,
      let own = ports.take(like: port, address: place, protocolIndex: Self.index(of: protocolNumber))
    else { return refuse(.noPort) }
    let host = hosts.add(address)
    var mapping = NATMapping(host: end(host), external: NATEnd(external[place], own), protocolNumber: protocolNumber)
    mapping.hostIndex = host
    let index = mappings.insert(mapping)
    counters.created &+= 1
    begun = index
    return index
  }

  private mutating func refuse(_ reason: NATRefusal) -> UInt32 {
    refusal = reason
    return 0
  }

  /// A packet keeps its mapping for as long as its state says.
  @inline(__always) mutating func keep(_ index: UInt32) {
    let mapping = mappings.pointer(index)
    if mapping.pointee.isStatic { return }
    mappings.keep(index, until: now.advanced(by: timeout(of: mapping) &+ NATTables.settledTime))
  }

  /// Whether a packet from outside keeps a mapping too. Where only those from inside do (RFC 4787 REQ-6), nobody outside can
  /// keep it from ending.
  @inline(__always) func inboundKeeps(_ index: UInt32) -> Bool {
    udpInboundRefresh || mappings.pointer(index).pointee.protocolNumber != IPProtocol.udp
  }

  @inline(__always) private func timeout(of mapping: UnsafeMutablePointer<NATMapping>) -> Int64 {
    switch mapping.pointee.protocolNumber {
    case IPProtocol.tcp: mapping.pointee.established > 0 ? timeouts.established : timeouts.transitory
    case IPProtocol.udp: timeouts.udp
    default: timeouts.icmp
    }
  }

  /// Whom a permit for `remote` is about.
  @inline(__always) private func permitted(_ remote: NATEnd) -> NATEnd {
    filtering == .addressDependent ? NATEnd(remote.address, 0) : remote
  }

  /// Whether a mapping lets in what `remote` sends.
  mutating func admits(_ remote: NATEnd, to index: UInt32) -> Bool {
    if filtering == .endpointIndependent || mappings.pointer(index).pointee.isStatic { return true }
    if permits.find(index, permitted(remote)) != 0 { return true }
    // Announced by the host, without a port (`expect`).
    return filtering == .addressAndPortDependent && permits.find(index, remote.withoutPort) != 0
  }

  /// A mapping's host has sent to `remote`, which may answer from now on. `permit` is what the last call for the two
  /// returned, 0 for the first one.
  mutating func permit(_ permit: UInt32, _ remote: NATEnd, to index: UInt32) -> UInt32 {
    let mapping = mappings.pointer(index)
    if filtering == .endpointIndependent || mapping.pointee.isStatic { return 0 }
    let who = permitted(remote)
    var permit = permit
    if !permits.isValid(permit, index, who) {
      permit = permits.find(index, who)
      if permit == 0 {
        permit = permits.insert(index, who, before: mapping.pointee.permits)
        if permit == 0 { return 0 }
        mapping.pointee.permits = permit
      }
    }
    permits.keep(permit, until: now.advanced(by: timeout(of: mapping) &+ NATTables.settledTime))
    return permit
  }

  /// A TCP connection of a mapping was established.
  mutating func beginEstablished(_ reference: NATMappingReference) {
    if reference.index == 0 || mappings.isStale(reference) { return }
    mappings.pointer(reference.index).pointee.established &+= 1
    keep(reference.index)
  }

  /// It is not any more.
  mutating func endEstablished(_ reference: NATMappingReference) {
    if reference.index == 0 || mappings.isStale(reference) { return }
    mappings.pointer(reference.index).pointee.established &-= 1
    keep(reference.index)
  }

  /// Packet time goes on. Returns whether a mapping may have ended: `nextEnded` takes it out.
  @inline(__always) mutating func advance(to time: Timestamp) -> Bool {
    if time > now { now = time }
    return permits.isDue(now) || mappings.isDue(now)
  }

  /// Takes out a mapping whose time is over, and what it let in; nil when there is none. What it was is said where that is
  /// wanted.
  mutating func nextEnded(says: Bool) -> String? {
    while case let (permit, mapping) = permits.nextExpired(now), permit != 0 { removePermit(permit, of: mapping) }
    let index = mappings.nextExpired(now)
    if index == 0 { return nil }
    let mapping = mappings.pointer(index)
    while mapping.pointee.permits != 0 { removePermit(mapping.pointee.permits, of: index) }
    let end = mapping.pointee.external
    ports.free(
      end.port, address: place(of: end.address), protocolIndex: Self.index(of: mapping.pointee.protocolNumber))
    let text = says ? text(of: index) : ""
    hosts.remove(mapping.pointee.hostIndex)
    mappings.remove(index)
    return text
  }

  /// `tcp 10.0.0.1:40000 = 198.51.100.1:40000`
  func text(of index: UInt32) -> String {
    let mapping = mappings.pointer(index).pointee
    let number = mapping.protocolNumber
    let name = number == IPProtocol.tcp ? "tcp" : number == IPProtocol.udp ? "udp" : "icmp"
    let host = isV6(mapping.host) ? "[\(address(of: mapping.host))]:\(mapping.host.port)" : "\(mapping.host)"
    return "\(name) \(host) = \(mapping.external)"
  }

  private mutating func removePermit(_ index: UInt32, of mapping: UInt32) {
    let place = mappings.pointer(mapping)
    place.pointee.permits = permits.remove(index, first: place.pointee.permits)
  }
}
