import MOSCore

/// What a NAT does with a flow's packets, kept with the flow.
///
/// A flow has two ends that change their names on the way: whoever sent its first packet is called `sender` before the NAT
/// and `translatedSender` behind it, and addresses somebody as `receiver` who is `translatedReceiver`. Answers go from
/// `translatedReceiver` to `translatedSender`, and leave the NAT as from `receiver` to `sender`.
struct NATFlow: BitwiseCopyable {
  enum State: UInt8, BitwiseCopyable {
    /// Nothing is decided yet.
    case new
    /// Its packets stay as they are.
    case untouched
    case translated
    /// Between IPv6 and IPv4, packet by packet.
    case translated64

    var isTranslated: Bool { self == .translated || self == .translated64 }
  }

  // In an order that leaves no gaps: there is one for each flow.
  /// Until then nothing of it can end, and its packets are translated without a look at the tables; long before that time,
  /// by `lengthOffset`, where each packet's length is to be looked at.
  var settledUntil = Timestamp(nanoseconds: .min)
  /// What becomes of packets that go as the first one did, and of those that go the other way.
  var rewrites = FlowRewrite(from: NATFlow.noEnds, to: NATFlow.noEnds, isHop: false)
  var state = State.new
  /// The side that sent the first packet.
  var first = Side.client
  var isEstablished = false
  var senderMapping = NATMappingReference()
  var receiverMapping = NATMappingReference()
  /// What lets the receiver's answers in, and what lets the sender's packets in.
  var senderPermit: UInt32 = 0
  var receiverPermit: UInt32 = 0
  /// The FTP control connection that it is, 0 for none.
  var ftp: UInt32 = 0

  private static var noEnds: IPv4Ends { IPv4Ends(source: 0, sourcePort: 0, destination: 0, destinationPort: 0) }

  var sender: NATEnd { NATEnd(sourceOf: rewrites.forward.old) }
  var receiver: NATEnd { NATEnd(destinationOf: rewrites.forward.old) }
  var translatedSender: NATEnd { NATEnd(sourceOf: rewrites.forward.new) }
  var translatedReceiver: NATEnd { NATEnd(destinationOf: rewrites.forward.new) }

  /// More than 146 years.
  static var lengthOffset: Int64 { 1 << 62 }

  /// Whether nothing of it can end before a packet, of which only the length is to be looked at.
  func isSettledButForLength(_ clock: Timestamp) -> Bool {
    settledUntil.nanoseconds < 0 && clock.nanoseconds < settledUntil.nanoseconds &+ NATFlow.lengthOffset
  }

  /// The flow of a packet of `sender` to `receiver`, which leaves with other ends. `isHop`: its time to live is made smaller.
  mutating func set(_ sender: NATEnd, to receiver: NATEnd, as newSender: NATEnd, to newReceiver: NATEnd, isHop: Bool) {
    rewrites = FlowRewrite(from: sender.ends(to: receiver), to: newSender.ends(to: newReceiver), isHop: isHop)
  }

  /// Whether packets with these ends go as the first one did; nil for those that are nothing of the flow.
  func isFirst(_ source: NATEnd, _ destination: NATEnd) -> Bool? {
    if source == sender, destination == receiver { return true }
    return source == translatedReceiver && destination == translatedSender ? false : nil
  }

  /// What the receiver's packets come with, reversed: in the direction of the first packet.
  func translatedKey(like key: FlowKey) -> FlowKey { translatedSender.key(to: translatedReceiver, like: key) }
}

extension NATTables {
  /// For how long a packet keeps what it keeps again for the packets behind it, in nanoseconds. Time-outs are longer by this.
  static var settledTime: Int64 { 1 << 26 }

  /// Whether the packets that follow one need not be looked at for `settledTime`: it keeps all that they would. What a host
  /// sends does; what is sent to it only where there is nothing to keep. Between two hosts each packet is looked at.
  private func settles(_ flow: NATFlow, isFirst: Bool) -> Bool {
    if flow.translatedSender != flow.sender, flow.translatedReceiver != flow.receiver { return false }
    let ofSender = flow.senderMapping.index != 0
    let index = ofSender ? flow.senderMapping.index : flow.receiverMapping.index
    if index == 0 || mappings.pointer(index).pointee.isStatic { return true }
    // Without room for what lets answers in, they are not let in.
    let isPermitted = filtering == .endpointIndependent || (isFirst ? flow.senderPermit : flow.receiverPermit) != 0
    return ofSender == isFirst && isPermitted
  }

  /// Whether a mapping of the flow has ended.
  @inline(__always) func isStale(_ flow: NATFlow) -> Bool {
    mappings.isStale(flow.senderMapping) || mappings.isStale(flow.receiverMapping)
  }

  /// Decides what is done with a TCP or UDP flow, by its first packet. Returns why that is dropped, nil where it is not.
  mutating func begin(
    _ packet: UnsafePointer<DecodedPacket>, from side: Side, _ flow: inout NATFlow
  ) -> NATRefusal? {
    let key = packet.pointee.key
    flow = NATFlow()
    flow.first = side
    let (sender, receiver) = (NATEnd(sourceOf: key), NATEnd(destinationOf: key))
    var (newSender, newReceiver) = (sender, receiver)
    let source = realms.realm(of: sender.address)
    let destination = realms.realm(of: receiver.address)
    let leaves = source == .internal && (destination == .outside || destination == .external)
    guard packet.pointee.ipVersion == 4, leaves || destination == .external else {
      flow.state = .untouched
      return nil
    }
    flow.state = .translated
    if destination == .external {
      if let host = owner(of: receiver.address) {
        newReceiver = receiver.at(host)
      } else {
        let index = mappings.find(external: receiver, key.protocolNumber)
        if index == 0 { return .unsolicited }
        flow.receiverMapping = mappings.reference(index)
        newReceiver = mappings.pointer(index).pointee.host
      }
    }
    if leaves {
      if let address = ownAddress(of: sender.address) {
        newSender = sender.at(address)
      } else {
        guard begins(packet) || mappings.find(host: sender, key.protocolNumber) != 0 else { return .invalid }
        let index = mapping(of: sender, key.protocolNumber)
        if index == 0 { return refusal }
        flow.senderMapping = mappings.reference(index)
        newSender = mappings.pointer(index).pointee.external
      }
    }
    flow.set(sender, to: receiver, as: newSender, to: newReceiver, isHop: isHop)
    return nil
  }

  /// A packet keeps its flow's mappings, and what lets answers in. `isFirst`: it goes as the first one did.
  mutating func keep(_ flow: inout NATFlow, isFirst: Bool) {
    let (own, other) = (flow.senderMapping.index, flow.receiverMapping.index)
    if own != 0, isFirst || inboundKeeps(own) {
      keep(own)
      if filtering != .endpointIndependent {
        flow.senderPermit = permit(flow.senderPermit, flow.receiver, to: own)
      }
    }
    if other != 0, !isFirst || inboundKeeps(other) {
      keep(other)
      // Who only sends lets nobody in by being answered.
      if filtering != .endpointIndependent, !isFirst || flow.receiverPermit != 0 {
        flow.receiverPermit = permit(flow.receiverPermit, flow.translatedSender, to: other)
      }
    }
    // Every segment of a control connection is looked at, and all that changes its version of IP.
    if flow.ftp == 0, flow.state == .translated, settles(flow, isFirst: isFirst) {
      flow.settledUntil = now.advanced(by: settledStep)
    }
  }
}
