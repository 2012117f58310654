import MOSCore

/// What is kept of a flow.
final class InspectedFlow {
  /// What each side receives.
  let views = [StreamView(), StreamView()]
  /// The side whose view has the latest bytes; nil before the first.
  @exclusivity(unchecked) var receiver: Side?
  /// The flow's bits.
  @exclusivity(unchecked) private(set) var bits: [UInt64]
  /// How many sets of rules were given up before those that this is of.
  @exclusivity(unchecked) private(set) var generation: Int
  /// How far its messages have been read.
  @exclusivity(unchecked) var inspection = MessageInspectors.State()
  /// What it carries, as far as that is known.
  @exclusivity(unchecked) var application: ApplicationProtocol?
  /// What there is of the message that each side is receiving; nil where there is none.
  @exclusivity(unchecked) private var toClient: MessageView?
  @exclusivity(unchecked) private var toServer: MessageView?
  /// A rule said that the rest passes.
  @exclusivity(unchecked) var isPassed = false

  init(bitCount: Int, generation: Int) {
    bits = [UInt64](repeating: 0, count: (bitCount + 63) / 64)
    self.generation = generation
  }

  /// For other rules, with these bits set.
  func replaceBits(by new: some Sequence<Int>, count: Int, generation: Int) {
    bits = [UInt64](repeating: 0, count: (count + 63) / 64)
    for bit in new { change(bit, .set) }
    self.generation = generation
  }

  func isSet(_ bit: Int) -> Bool { bits[bit >> 6] >> UInt64(bit & 63) & 1 != 0 }

  func change(_ bit: Int, _ change: BitChange) {
    let mask = UInt64(1) << UInt64(bit & 63)
    switch change {
    case .set: bits[bit >> 6] |= mask
    case .unset: bits[bit >> 6] &= ~mask
    case .toggle: bits[bit >> 6] ^= mask
    }
  }

  /// What there is of the message that a side is receiving.
  func message(to receiver: Side) -> MessageView? { receiver == .client ? toClient : toServer }

  /// Another message begins, or none.
  func setMessage(_ message: MessageView?, to receiver: Side) {
    switch receiver {
    case .client: toClient = message
    case .server: toServer = message
    }
  }

  /// For another flow.
  func reset() {
    for view in views { view.begin() }
    receiver = nil
    inspection = MessageInspectors.State()
    application = nil
    toClient = nil
    toServer = nil
    for index in bits.indices { bits[index] = 0 }
    isPassed = false
  }
}
