// Unsafe: owns its tables by pointer. Invariant: they are initialised and stay where they are while the state lives.
import EventDSL

/// A NAT (RFC 4787, RFC 5382, RFC 5508) for IPv4: hosts behind it share its addresses.
///
/// A host's end has one mapping for all destinations; who may answer is configured. Forwards lead ports of the NAT to hosts,
/// and hosts can have an address of their own. Hosts reach each other by their external ends too. TCP, UDP and ICMP are
/// translated, those that come in fragments when all have come; other protocols and what is in a tunnel are dropped where
/// they would have to be, and so is what has no mapping. IPv6 passes, unless it goes to the prefix of NAT64. FTP's data
/// connections get their mappings by what is said in its control connections.
///
/// Packets that come from outside without a mapping, or which it does not let in, are dropped before their flow is looked
/// up, so that a flood of them begins no flow.
public struct NAT: Middlebox {
  /// What it remembers, by the engine of one worker. It lies in memory of its own, which no packet has to ask about access to.
  final class State {
    let tables: UnsafeMutablePointer<NATTables>
    let logs: Bool
    let translatesFTP: Bool

    init(_ configuration: NATConfiguration, worker: Int, of workers: Int, seed: UInt64) {
      tables = .allocate(capacity: 1)
      tables.initialize(to: NATTables(configuration, worker: worker, of: workers, seed: seed))
      logs = configuration.logs
      translatesFTP = configuration.translatesFTP
    }

    deinit {
      tables.deinitialize(count: 1)
      tables.deallocate()
    }
  }

  let state: State
  private let spread: WorkerSpread
  let translation = FlowLocal(NATFlow())
  let unsolicitedTimer = BoxTimer()

  /// A NAT of which each of `workers` has its own part of the ports. Which port is given where the host's own is taken, is
  /// decided by `seed`: nobody should know it, but with the same one a replay gives the same.
  public init(
    _ configuration: NATConfiguration, worker: Int = 0, of workers: Int = 1, seed: UInt64 = .random(in: .min ... .max)
  ) {
    state = State(configuration, worker: worker, of: workers, seed: seed)
    spread = WorkerSpread(configuration, seed: seed)
  }

  /// What was counted so far.
  public var counters: NATCounters {
    var counters = state.tables.pointee.counters
    counters.mappings = UInt64(state.tables.pointee.mappings.count)
    return counters
  }

  /// The worker that has the mappings of the packet's host.
  public func worker(of packet: borrowing PacketView, among workers: Int) -> Int? {
    spread.worker(of: packet, among: workers)
  }

  /// Answers come to addresses that hosts share, and have to find the worker of their host.
  public var choosesWorkers: Bool { true }

  /// A fragment's datagram is awaited where it is to be translated: only the first fragment has ports, and it may come last
  /// (RFC 4787 REQ-14).
  public func needsDatagram(of fragment: borrowing PacketView) -> Bool {
    state.tables.pointee.isToBeTranslated(fragment.decoded)
  }

  /// What it does when.
  public var events: some EventGraph {
    Filter(.unknownFrame) { event, packet in
      guard let view = event.packet else { return }
      if state.tables.pointee.advance(to: view.decoded.pointee.clock) { endMappings(event) }
      if let refusal = state.tables.pointee.arrival(view.decoded) {
        if !answerEcho(view, packet) {
          answerLater(event, view, packet, refusal)
          refuse(view, packet, refusal)
        }
      } else if !view.isAcceptable, view.kind != .tcp, state.tables.pointee.isToBeTranslated(view.decoded) {
        // It begins no flow, so nobody would translate it.
        refuse(view, packet, .invalid)
      }
      if state.tables.pointee.begun != 0 { logBegun(event) }
    }
    Filter(.packet) { event, packet in
      guard let view = event.packet else { return }
      translate(event, view, packet, &event.flow[translation])
    }
    Filter(.orphan) { event, packet in
      guard let view = event.packet, state.tables.pointee.isToBeTranslated(view.decoded) else { return }
      refuse(view, packet, .unsolicited)
    }
    On(unsolicitedTimer) { event in answerUnsolicited(event) }
    On(.established) { event in beginEstablished(event.flow) }
    On(.stateChange) { event in
      // Both ends have sent a FIN: RFC 5382 5 calls this the closing phase.
      switch event.new {
      case .closing, .lastAck, .timeWait: endEstablished(event.flow)
      default: break
      }
    }
    On(.connectionEnd) { event in
      endFTP(event.flow)
      switch event.reason {
      // Its ends may go on: only the mapping's own time-out ends it.
      case .timeout, .evicted, .traceEnd: break
      default: endEstablished(event.flow)
      }
    }
  }

  @inline(never)
  func endMappings<Kind>(_ event: borrowing Event<Kind>) {
    while let ended = state.tables.pointee.nextEnded(says: state.logs) {
      if state.logs { event.report("mapping ended: \(ended)") }
    }
  }

  /// A packet of a flow that is known gets its new ends.
  @inline(__always)
  private func translate(
    _ event: borrowing Event<PacketPassage>, _ view: borrowing PacketView, _ packet: borrowing PacketControl,
    _ known: inout NATFlow
  ) {
    guard view.decoded.pointee.clock < known.settledUntil else { return look(event, view, packet, &known) }
    let outcome = packet.rewrite(&known.rewrites)
    if outcome != .done { return refuse(view, packet, after: outcome) }
    state.tables.pointee.counters.translated &+= 1
  }

  /// The same of one whose mappings have to be looked at, and of what is neither TCP nor UDP.
  @inline(never)
  private func look(
    _ event: borrowing Event<PacketPassage>, _ view: borrowing PacketView, _ packet: borrowing PacketControl,
    _ known: inout NATFlow
  ) {
    if state.tables.pointee.advance(to: view.decoded.pointee.clock) { endMappings(event) }
    if state.tables.pointee.looksFurther, lookFurther(event, view, packet, &known) { return }
    if view.kind == .icmp { return translateICMP(event, view, packet) }
    guard view.kind.rawValue <= PacketKind.udp.rawValue else { return }
    guard settle(event, view, packet, &known) else { return }
    guard known.ftp != 0 else {
      let outcome = packet.rewrite(&known.rewrites)
      if outcome != .done { return refuse(view, packet, after: outcome) }
      state.tables.pointee.counters.translated &+= 1
      return
    }
    // What is answered to it must still have its ends.
    guard let isFirst = known.isFirst(NATEnd(sourceOf: view.key), NATEnd(destinationOf: view.key)) else {
      return refuse(view, packet, after: .otherEnds)
    }
    let new = isFirst ? known.rewrites.forward.new : known.rewrites.backward.new
    if let refusal = passHop(view, packet) { return refuse(view, packet, refusal) }
    guard packet.setSource(IPAddress(v4: new.source), port: new.sourcePort) == .done,
      packet.setDestination(IPAddress(v4: new.destination), port: new.destinationPort) == .done
    else { return refuse(view, packet, .untranslatable) }
    state.tables.pointee.counters.translated &+= 1
    followFTP(event, view, packet, known, isCommand: isFirst)
  }

  /// What is done where there is NAT64, or the length of packets matters. `false`: all else is still to be done.
  @inline(never)
  private func lookFurther(
    _ event: borrowing Event<PacketPassage>, _ view: borrowing PacketView, _ packet: borrowing PacketControl,
    _ known: inout NATFlow
  ) -> Bool {
    if state.tables.pointee.embedding != nil, known.state != .translated, translate64(event, view, packet, &known) {
      return true
    }
    guard state.tables.pointee.messages.limitsLength, view.decoded.pointee.ipVersion == 4,
      state.tables.pointee.isToBeTranslated(view.decoded)
    else { return false }
    let isSettled = known.isSettledButForLength(view.decoded.pointee.clock)
    guard isSettled || state.tables.pointee.arrival(view.decoded) == nil else { return false }
    if let refusal = fit(view, packet) {
      refuse(view, packet, refusal)
      return true
    }
    guard isSettled else { return false }
    let outcome = packet.rewrite(&known.rewrites)
    if outcome == .done {
      state.tables.pointee.counters.translated &+= 1
    } else {
      refuse(view, packet, after: outcome)
    }
    return true
  }

  /// Drops a packet that could not be given its new ends.
  @inline(never)
  private func refuse(
    _ view: borrowing PacketView, _ packet: borrowing PacketControl, after outcome: PacketEditOutcome
  ) {
    switch outcome {
    // Nothing of the flow: on the wrong side of the NAT, or made up.
    case .otherEnds: refuse(view, packet, state.tables.pointee.arrival(view.decoded) ?? .unsolicited)
    case .timeToLiveExceeded: refuse(view, packet, .timeToLiveExceeded)
    default: refuse(view, packet, .untranslatable)
    }
  }

  /// Makes the time to live smaller, where that is wanted. Precondition: `arrival` let the packet go on.
  func passHop(_ view: borrowing PacketView, _ packet: borrowing PacketControl) -> NATRefusal? {
    if !state.tables.pointee.isHop { return nil }
    return packet.setTimeToLive(max(1, view.decoded.pointee.timeToLive) - 1) == .done ? nil : .untranslatable
  }

  /// Looks at a packet of a flow that is new, or has not been looked at for a while: whether its mappings let it pass, which
  /// it keeps. `false`: it stays as it is, or is dropped.
  @inline(never)
  private func settle(
    _ event: borrowing Event<PacketPassage>, _ view: borrowing PacketView, _ packet: borrowing PacketControl,
    _ known: inout NATFlow
  ) -> Bool {
    if known.state == .untouched { return false }
    if let refusal = state.tables.pointee.arrival(view.decoded) {
      refuse(view, packet, refusal)
      return false
    }
    if state.tables.pointee.begun != 0 { logBegun(event) }
    if known.state == .new || state.tables.pointee.isStale(known) {
      if known.state == .translated {
        // Its mapping has ended: whoever has the port by now, it is not this flow's. It goes on with another mapping by its
        // own key; by the one that it was given it is not found again.
        let old = known.sender.key(to: known.receiver, like: view.key)
        let given = known.translatedKey(like: view.key)
        event.flow.removeKey(known.first == .client ? given : given.reversed)
        if view.key != old {
          refuse(view, packet, .unsolicited)
          return false
        }
      }
      guard begin(event, view, packet, &known) else { return false }
    }
    // One that is not translated keeps nothing.
    guard let isFirst = known.isFirst(NATEnd(sourceOf: view.key), NATEnd(destinationOf: view.key)) else { return true }
    state.tables.pointee.keep(&known, isFirst: isFirst)
    return true
  }

  private func begin(
    _ event: borrowing Event<PacketPassage>, _ view: borrowing PacketView, _ packet: borrowing PacketControl,
    _ known: inout NATFlow
  ) -> Bool {
    let old = known
    if let refusal = state.tables.pointee.begin(view.decoded, from: event.sender, &known) {
      known = old
      refuse(view, packet, refusal)
      return false
    }
    if known.state == .translated {
      logBegun(event)
      let key = known.translatedKey(like: view.key)
      switch event.flow.addKey(known.first == .client ? key : key.reversed) {
      case .added, .known: break
      default:
        known = old
        refuse(view, packet, .conflict)
        return false
      }
      // A late packet of one that is closed is no sign of a connection.
      if view.kind == .tcp, event.flow.record.isMidstream, known.senderMapping.index != 0,
        view.flags.isDisjoint(with: [.fin, .rst])
      {
        known.isEstablished = true
        state.tables.pointee.beginEstablished(known.senderMapping)
        state.tables.pointee.beginEstablished(known.receiverMapping)
      }
      known.ftp = old.ftp
      if known.ftp == 0 { beginFTP(event, view, &known) }
    }
    return known.state == .translated
  }

  /// Reports the mapping that was begun last, if there is one.
  func logBegun<Kind>(_ event: borrowing Event<Kind>) {
    let begun = state.tables.pointee.begun
    if begun == 0 { return }
    state.tables.pointee.begun = 0
    state.tables.pointee.keep(begun)
    if state.logs { event.report("mapping began: \(state.tables.pointee.text(of: begun))") }
  }

  private func beginEstablished(_ flow: borrowing Flow) {
    guard flow[translation].state.isTranslated, !flow[translation].isEstablished else { return }
    var known = flow[translation]
    known.isEstablished = true
    known.settledUntil = Timestamp(nanoseconds: .min)
    state.tables.pointee.beginEstablished(known.senderMapping)
    state.tables.pointee.beginEstablished(known.receiverMapping)
    if !state.tables.pointee.isStale(known) { state.tables.pointee.keep(&known, isFirst: true) }
    flow[translation] = known
  }

  private func endEstablished(_ flow: borrowing Flow) {
    guard flow[translation].isEstablished else { return }
    flow[translation].isEstablished = false
    flow[translation].settledUntil = Timestamp(nanoseconds: .min)
    state.tables.pointee.endEstablished(flow[translation].senderMapping)
    state.tables.pointee.endEstablished(flow[translation].receiverMapping)
  }
}

extension NATTables {
  /// Whether a packet would have to be translated.
  func isToBeTranslated(_ packet: UnsafePointer<DecodedPacket>) -> Bool {
    guard packet.pointee.ipVersion == 4 else {
      return packet.pointee.ipVersion == 6
        && embedding?.prefix.contains(packet.pointee.key.destination) ?? false
    }
    let source = realms.realm(of: UInt32(truncatingIfNeeded: packet.pointee.key.source.low))
    let destination = realms.realm(of: UInt32(truncatingIfNeeded: packet.pointee.key.destination.low))
    return destination == .external || source == .internal && destination == .outside
  }
}
