import EventDSL

/// ICMP messages of the NAT's own (RFC 5508 REQ-8 to REQ-10). What comes from outside and has no mapping, or is not let in, is
/// not answered: that would tell who asks what there is (RFC 5382 REQ-4 a).
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
