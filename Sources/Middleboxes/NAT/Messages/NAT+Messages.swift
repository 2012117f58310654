import EventDSL

/// ICMP messages of the NAT's own (RFC 5508 REQ-8 to REQ-10). What comes from outside and has no mapping, or is not let in, is
/// not answered, but for a SYN, and that one late (RFC 5382 REQ-4).
extension NAT {
  /// Drops a packet, and tells its sender why, where it may know.
  @inline(never)
  func refuse(_ view: borrowing PacketView, _ packet: borrowing PacketControl, _ refusal: NATRefusal) {
    state.tables.pointee.counters.count(refusal)
    if let error = message(refusal, view), let source = state.tables.pointee.messageSource(to: view.decoded),
      packet.answer(error, from: source)
    {
      state.tables.pointee.counters.errorsSent &+= 1
    }
    packet.drop()
  }

  private func message(_ refusal: NATRefusal, _ view: borrowing PacketView) -> ICMPError? {
    switch refusal {
    case .timeToLiveExceeded: .timeExceeded
    // RFC 5508 REQ-8; RFC 6146 3.5.1.1.
    case .noPort, .full, .hostLimit:
      ICMPError(v4: ICMPError.administrativelyProhibited.v4, v6: ICMPError.hostUnreachable.v6)
    case .tooLong: .packetTooBig(mtu: state.tables.pointee.exceededMTU)
    case .untranslatable where state.tables.pointee.embedding != nil: DatagramTranslation.obstacle(view.decoded)
    default: nil
    }
  }

  /// Remembers a SYN that is dropped, of which nobody may say anything yet (RFC 5382 REQ-4).
  func answerLater(
    _ event: borrowing Event<FrameArrival>, _ view: borrowing PacketView, _ packet: borrowing PacketControl,
    _ refusal: NATRefusal
  ) {
    guard let source = state.tables.pointee.laterSource(to: view.decoded, refusal),
      let answer = packet.deferredAnswer(.portUnreachable, from: source)
    else { return }
    let due = state.tables.pointee.now.advanced(by: UnsolicitedSYNs.delay)
    if state.tables.pointee.unsolicited.count == 0 { event.schedule(unsolicitedTimer, at: due) }
    state.tables.pointee.unsolicited.add(
      UnsolicitedSYNs.Entry(
        due: due, from: NATEnd(sourceOf: view.key), to: NATEnd(destinationOf: view.key), answer: answer))
  }

  /// Tells those whose time has come that nobody is at the port, unless a host has opened the connection meanwhile.
  @inline(never)
  func answerUnsolicited(_ event: borrowing Event<BoxTimerExpiry>) {
    if state.tables.pointee.advance(to: event.time) { endMappings(event) }
    while let syn = state.tables.pointee.unsolicited.next(event.time) {
      if state.tables.pointee.letsIn(syn) { continue }
      if event.send(syn.answer) { state.tables.pointee.counters.errorsSent &+= 1 }
    }
    if let due = state.tables.pointee.unsolicited.due { event.schedule(unsolicitedTimer, at: due) }
  }

  /// Answers who asks whether the NAT is there. `false`: it is something else.
  @inline(never)
  func answerEcho(_ view: borrowing PacketView, _ packet: borrowing PacketControl) -> Bool {
    guard state.tables.pointee.isEchoToNAT(view.decoded) else { return false }
    withUnsafeTemporaryAllocation(byteCount: 2_048, alignment: 8) { buffer in
      guard let length = view.decoded.pointee.writeEchoReply(into: buffer) else { return }
      let reply = UnsafeRawBufferPointer(rebasing: buffer[..<length])
      if packet.answer(with: reply) { state.tables.pointee.counters.echoesAnswered &+= 1 }
    }
    packet.drop()
    return true
  }

  /// Sees to it that a packet of IPv4 is not longer than the network takes that it goes to: it is cut, or its sender is told
  /// (RFC 4787 REQ-13).
  @inline(never)
  func fit(_ view: borrowing PacketView, _ packet: borrowing PacketControl) -> NATRefusal? {
    let mtu = state.tables.pointee.mtu(toward: view.decoded)
    guard packet.linkLength > mtu else { return nil }
    // An error may be about no error, and is cut in any case.
    if view.decoded.pointee.network.loadBE16(at: 6) & 0x4000 != 0, !view.isICMPError {
      state.tables.pointee.exceededMTU = mtu
      return .tooLong
    }
    return packet.leave(inFragmentsOf: mtu) == .done ? nil : .untranslatable
  }
}

extension Event {
  /// Sets a timer to a time, which is not before the event's.
  fileprivate func schedule(_ timer: BoxTimer, at due: Timestamp) {
    schedule(timer, after: .nanoseconds(due.nanoseconds &- time.nanoseconds))
  }
}
