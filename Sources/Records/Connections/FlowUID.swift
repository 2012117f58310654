import DualStackTracker
import MOSCore

/// A flow's identifier in the records: 96 bits, from its addresses, ports, VLANs and protocol and from its first
/// packet's time and number.
///
/// It depends on nothing else, not on the flow table's secret nor on the number of workers, and is the same before and
/// after the roles of the two ends are turned round. It is no secret and keeps no secret.
@frozen
public struct FlowUID: BitwiseCopyable, Hashable, Sendable {
  /// The first 64 bits.
  public var high: UInt64
  /// The last 32 bits.
  public var low: UInt32

  /// The identifier of the flow with `key` (in either direction) whose first packet is `number`, of `timestamp`.
  public init(key: FlowKey, timestamp: Timestamp, number: UInt64) {
    let key = key.canonical
    var a = FlowUID.fold(key.source.high ^ 0x9e37_79b9_7f4a_7c15, key.source.low ^ 0xbf58_476d_1ce4_e5b9)
    a = FlowUID.fold(a ^ key.destination.high, key.destination.low ^ 0x94d0_49bb_1331_11eb)
    a = FlowUID.fold(a ^ key.rest, UInt64(bitPattern: timestamp.nanoseconds) ^ 0xd6e8_feb8_6659_fd93)
    high = FlowUID.fold(a ^ number, 0xa076_1d64_78bd_642f)
    low = UInt32(truncatingIfNeeded: FlowUID.fold(a ^ 0xe703_7ed1_a0b4_28db, number ^ 0x8ebc_6af0_9c88_c6e3) >> 16)
  }

  /// The identifier of a tracked flow.
  public init(_ flow: UnsafePointer<FlowRecord>) {
    self.init(key: flow.pointee.key, timestamp: flow.pointee.firstTimestamp, number: flow.pointee.firstPacket)
  }

  /// EVE's `flow_id`: 51 bits, which every JSON reader keeps exactly.
  public var flowID: UInt64 { high >> 13 }

  /// Both halves of the 128-bit product, mixed, with the operands, so that a zero does not swallow the other operand.
  private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low ^ a &+ b
  }
}

extension RecordText {
  /// Appends an identifier as Zeek writes its own: `C` and base 62; always 18 characters.
  public mutating func append(uid: FlowUID) {
    write(atMost: 18) { $0.append(uid: uid) }
  }
}

extension TextCursor {
  /// 18 bytes: an identifier as Zeek writes its own, `C` and base 62.
  mutating func append(uid: FlowUID) {
    append(UInt8(ascii: "C"))
    append(base62: uid.high, digits: 11)
    append(base62: UInt64(uid.low), digits: 6)
  }

  @inline(__always)
  private mutating func append(base62 value: UInt64, digits: Int) {
    let alphabet: StaticString = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    let letters = alphabet.utf8Start
    var value = value
    for _ in 0..<digits {
      let quotient = value / 62
      append(letters[Int(truncatingIfNeeded: value &- quotient &* 62)])
      value = quotient
    }
  }
}
