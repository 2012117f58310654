import MOSCore

/// What the box knows of the hosts at its ports, and what waits for their answers: ARP (RFC 826) and neighbor discovery
/// (RFC 4861) of a router. The workers of a bridge have one together, in turn: an answer may come to another worker than who
/// asked.
struct Neighbourhood: ~Copyable {
  /// What was counted: frames that were for the router itself, and those that it could not pass on.
  struct Counters {
    /// ARP and neighbor discovery.
    var resolution: UInt64 = 0
    /// For other Ethernet addresses, for groups of hosts, and neither IPv4 nor IPv6.
    var ignored: UInt64 = 0
    /// In no network, and without a gateway; or for the box itself.
    var unroutable: UInt64 = 0
    /// Nobody answered for the next hop.
    var unreachable: UInt64 = 0
    /// Sent by the router itself.
    var made: UInt64 = 0

    /// For the summary: counts of zero left out.
    var line: String {
      let counts = [
        ("ARP and neighbor discovery received", resolution), ("made", made), ("not for the box", ignored),
        ("without a route", unroutable), ("without an answer of the next hop", unreachable),
      ]
      return "router: " + counts.filter { $0.1 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    }
  }

  private struct Waiting {
    var address: IPAddress
    var since: Int64
    var frame: RouterFrame
  }

  private static let second: Int64 = 1_000_000_000
  /// An address is asked for again when it has not been heard of for so long, and not used any more after so long.
  private static let staleAge = 30 * second
  private static let deadAge = 60 * second
  /// How long a frame waits for an answer, and how many wait: for one host, and in all.
  private static let patience = 3 * second
  private static let mostWaitingForOne = 8
  private static let mostWaiting = 512

  private let configuration: RouterConfiguration
  private let hardware: [MACAddress]
  private var table = NeighbourTable()
  private var waiting: [Waiting] = []
  /// Frames that the router itself sends next: whoever calls takes them out.
  private var made: [RouterFrame] = []
  /// Without the frames that still wait.
  var counters = Counters()

  init(_ configuration: RouterConfiguration, hardware: [MACAddress]) {
    self.configuration = configuration
    self.hardware = hardware
  }

  /// The counters, by which nobody has answered yet for what still waits.
  var total: Counters {
    var total = counters
    total.unreachable &+= UInt64(waiting.count)
    return total
  }

  /// What the router itself is to send now; empty most of the time.
  mutating func takeMade() -> [RouterFrame] {
    if made.isEmpty { return [] }
    defer { made = [] }
    counters.made &+= UInt64(made.count)
    return made
  }

  /// A host said what its Ethernet address is. Only those in the port's networks have one. `isNew`: also where nobody asked.
  mutating func learn(_ address: IPAddress, _ hardware: MACAddress, at port: Int, isNew: Bool, now: Int64) {
    guard !hardware.isGroup, hardware.rawValue != 0, address.isHost, configuration.isOnLink(address, at: port),
      !configuration.isOwn(address, at: port)
    else { return }
    let known = isNew ? table.place(of: address, at: port) : table.find(address, at: port)
    guard let place = known else { return }
    table[place].hardware = hardware
    table[place].confirmed = now
    if waiting.isEmpty { return }
    for entry in waiting where Self.isFor(entry, address, port) {
      var frame = entry.frame
      frame.bytes.withUnsafeMutableBytes { $0.baseAddress!.storeMAC(hardware, at: 0) }
      made.append(frame)
    }
    // They were counted when they came.
    let before = waiting.count
    waiting.removeAll { Self.isFor($0, address, port) }
    counters.made &-= UInt64(before - waiting.count)
  }

  private static func isFor(_ entry: Waiting, _ address: IPAddress, _ port: Int) -> Bool {
    entry.frame.port == port && entry.address == address
  }

  /// Answers a host that asks for an address, if it is the box's.
  mutating func answer(_ answer: RouterFrame) { made.append(answer) }

  /// The Ethernet address of a next hop; nil where it is not known: then it is asked for.
  mutating func resolve(_ address: IPAddress, at port: Int, now: Int64) -> MACAddress? {
    let place = table.place(of: address, at: port)
    let neighbour = table[place]
    let age = now &- neighbour.confirmed
    if let hardware = neighbour.hardware, age < Self.staleAge { return hardware }
    let isAlive = neighbour.hardware != nil && age < Self.deadAge
    if neighbour.asked == 0 || now &- neighbour.asked >= Self.second {
      table[place].asked = now
      ask(address, at: port, isAlive ? neighbour.hardware : nil)
    }
    return isAlive ? neighbour.hardware : nil
  }

  private mutating func ask(_ address: IPAddress, at port: Int, _ known: MACAddress?) {
    // A box without an address of the kind at the port has no gateway there either, and no network.
    guard let own = configuration.own(for: address, at: port) else { return }
    let from = (hardware[port], own)
    if address.isV4 {
      made.append(
        RouterFrame(
          arp: 1, at: port, from: from, to: (known ?? MACAddress(rawValue: 0), address), isBroadcast: known == nil))
    } else {
      made.append(RouterFrame(solicitation: address, hardware: known, at: port, from: from))
    }
  }

  /// Keeps a frame, whose sender's Ethernet address is set, until its next hop answers (RFC 1122 2.3.2.2). Where there is no
  /// room the oldest goes.
  mutating func keep(_ frame: RouterFrame, for address: IPAddress, now: Int64) {
    expire(now)
    let own = waiting.indices.filter { Self.isFor(waiting[$0], address, frame.port) }
    if own.count >= Self.mostWaitingForOne {
      waiting.remove(at: own[0])
      counters.unreachable &+= 1
    } else if waiting.count >= Self.mostWaiting {
      waiting.removeFirst()
      counters.unreachable &+= 1
    }
    waiting.append(Waiting(address: address, since: now, frame: frame))
  }

  /// Gives up frames that have waited too long.
  mutating func expire(_ now: Int64) {
    guard let first = waiting.first, now &- first.since > Self.patience else { return }
    let before = waiting.count
    waiting.removeAll { now &- $0.since > Self.patience }
    counters.unreachable &+= UInt64(before - waiting.count)
  }
}
