// Looks for signatures, port scans and floods: swift run ids ../../traces/attacks.pcap
import EventDSL
import PacketIO

/// What is looked for in the bytes that one side of a connection receives.
struct Signature {
  enum Action {
    case alert, drop
  }

  var message: String
  var content: [UInt8]
  /// Who gets the bytes, and at which port of the server; at any unless one is given.
  var receiver: Side
  var port: UInt16?
  var action = Action.alert

  init(_ message: String, _ content: String, to receiver: Side, port: UInt16? = nil, action: Action = .alert) {
    self.message = message
    self.content = Array(content.utf8)
    self.receiver = receiver
    self.port = port
    self.action = action
  }
}

struct IDS: Middlebox {
  /// What is known of hosts over all of their flows, by the handlers of one engine. `mostSources` and what is counted of
  /// each bound the memory that somebody can make it take.
  final class Hosts {
    struct Target: Hashable {
      var address: IPAddress
      var port: UInt16
    }

    static let mostSources = 65_536
    var targets: [IPAddress: Set<Target>] = [:]
    var halfOpen: [IPAddress: Int] = [:]

    /// Whether a source has tried more than `limit` places with this one, for the first time.
    func becomesScan(_ source: IPAddress, _ target: Target, limit: Int) -> Bool {
      var known = targets[source] ?? []
      if known.count > limit || known.isEmpty && targets.count >= Hosts.mostSources { return false }
      known.insert(target)
      targets[source] = known
      return known.count > limit
    }
  }

  let signatures: [Signature]
  var scanLimit = 10
  var floodLimit = 30
  let hosts = Hosts()
  let toClient = StreamReader(of: .client)
  let toServer = StreamReader(of: .server)
  /// A bit for each signature that was found in the flow.
  let found = FlowLocal(UInt64(0))
  let isHalfOpen = FlowLocal(false)
  let match = UserEvent<Int>("match")
  let blocked = Subscription.off
  let period = BoxTimer(every: .seconds(10))

  init(_ signatures: [Signature]) {
    precondition(signatures.count <= found.initial.bitWidth, "a flow has a bit for each of at most 64 signatures")
    self.signatures = signatures
  }

  var events: some EventGraph {
    On(.newData) { event in search(event) }
    // Decided about the packet that completes the content: it does not arrive, nor does anything behind it.
    Filter(match) { event, packet in
      let signature = signatures[event.payload]
      event.report(signature.message)
      guard signature.action == .drop else { return }
      packet.drop()
      event.flow.start(blocked)
    }
    Filter(.packet, as: blocked) { _, packet in packet.drop() }

    // Which of the two the host takes depends on its system: an IDS that guesses is told another story.
    On(.overlapConflict) { event in
      event.report("two versions of \(event.length) bytes at \(event.offset) to the \(event.receiver)")
    }

    On(.connectionStart, at: .sender) { event in
      let (client, server) = (event.flow.client.address, event.flow.server.address)
      let target = Hosts.Target(address: server, port: event.flow.server.port)
      if hosts.becomesScan(client, target, limit: scanLimit) {
        event.report("scan: \(client) tries more than \(scanLimit) ports")
      }
      event.flow[isHalfOpen] = true
      hosts.halfOpen[server, default: 0] += 1
      if hosts.halfOpen[server] == floodLimit + 1 {
        event.report("SYN flood: more than \(floodLimit) half-open connections to \(server)")
      }
    }
    On(.established) { event in endHalfOpen(event.flow) }
    On(.connectionEnd) { event in endHalfOpen(event.flow) }
    On(period) { _ in hosts.targets.removeAll() }
  }

  /// Searches what is new together with the end of what was before, so that it does not matter how the sender cut it.
  private func search(_ event: borrowing Event<NewData>) {
    let (receiver, port) = (event.receiver, event.flow.server.port)
    event.flow.read(receiver == .client ? toClient : toServer) { chunk in
      // Nothing lies across a gap.
      guard case .bytes(let bytes) = chunk else { return .all }
      var longest = 1
      for (index, signature) in signatures.enumerated() where signature.receiver == receiver {
        guard signature.port == nil || signature.port == port, event.flow[found] & 1 << index == 0 else { continue }
        longest = max(longest, signature.content.count)
        let isFound = bytes.withUnsafeBytes { $0.firstRange(of: signature.content) != nil }
        guard isFound else { continue }
        event.flow[found] |= 1 << index
        event.raise(match, index)
      }
      return .more(after: max(0, bytes.byteCount - (longest - 1)))
    }
  }

  private func endHalfOpen(_ flow: borrowing Flow) {
    guard flow[isHalfOpen] else { return }
    flow[isHalfOpen] = false
    let server = flow.server.address
    hosts.halfOpen[server, default: 1] -= 1
    if hosts.halfOpen[server] == 0 { hosts.halfOpen[server] = nil }
  }
}

let ids = IDS([
  Signature("path traversal", "../../", to: .server, port: 80),
  Signature("password file asked for", "/etc/passwd", to: .server, port: 80, action: .drop),
  Signature("a shell says that it is root's", "uid=0(root)", to: .client),
  Signature("curl", "User-Agent: curl/", to: .server),
])
var trace = try TraceReader(paths: Array(CommandLine.arguments.dropFirst()))
var engine = try EventEngine([ids]) { report in
  print("packet \(report.packet): \(report.text)\(report.flow.map { " (\($0))" } ?? "")")
}
engine.play(&trace)
print("packets passed: \(engine.statistics.forwarded), dropped: \(engine.statistics.dropped)")
