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
  }

  var state = State.new
  /// The side that sent the first packet.
  var first = Side.client
  var isEstablished = false
  var sender = NATEnd(0, 0)
  var receiver = NATEnd(0, 0)
  var translatedSender = NATEnd(0, 0)
  var translatedReceiver = NATEnd(0, 0)
  var senderMapping = NATMappingReference()
  var receiverMapping = NATMappingReference()
  /// What lets the receiver's answers in, and what lets the sender's packets in.
  var senderPermit: UInt32 = 0
  var receiverPermit: UInt32 = 0
  /// The FTP control connection that it is, 0 for none.
  var ftp: UInt32 = 0
  /// Until then nothing of it can end, and its packets are translated without a look at the tables.
  var settledUntil = Timestamp(nanoseconds: .min)

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
    flow.sender = NATEnd(sourceOf: key)
    flow.receiver = NATEnd(destinationOf: key)
    flow.translatedSender = flow.sender
    flow.translatedReceiver = flow.receiver
    let source = realms.realm(of: flow.sender.address)
    let destination = realms.realm(of: flow.receiver.address)
    let leaves = source == .internal && (destination == .outside || destination == .external)
    guard packet.pointee.ipVersion == 4, leaves || destination == .external else {
      flow.state = .untouched
      return nil
    }
    flow.state = .translated
    let number = key.protocolNumber
    if destination == .external {
      if let host = owner(of: flow.receiver.address) {
        flow.translatedReceiver = flow.receiver.at(host)
      } else {
        let index = mappings.find(external: flow.receiver, number)
        if index == 0 { return .unsolicited }
        flow.receiverMapping = mappings.reference(index)
        flow.translatedReceiver = mappings.pointer(index).pointee.host
      }
    }
    if leaves, let refusal = beginLeaving(packet, &flow) { return refusal }
    return nil
  }

  private mutating func beginLeaving(
    _ packet: UnsafePointer<DecodedPacket>, _ flow: inout NATFlow
  ) -> NATRefusal? {
    if let address = ownAddress(of: flow.sender.address) {
      flow.translatedSender = flow.sender.at(address)
      return nil
    }
    let number = packet.pointee.key.protocolNumber
    guard begins(packet) || mappings.find(host: flow.sender, number) != 0 else { return .invalid }
    let index = mapping(of: flow.sender, number)
    if index == 0 { return refusal }
    flow.senderMapping = mappings.reference(index)
    flow.translatedSender = mappings.pointer(index).pointee.external
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
    if settles(flow, isFirst: isFirst) { flow.settledUntil = now.advanced(by: NATTables.settledTime) }
  }
}
