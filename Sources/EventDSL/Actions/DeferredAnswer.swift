// Unsafe: copies a frame into a value and out of it. Invariant: `length` bytes of `frame` were written.
import DualStackTracker
import MOSCore

/// An ICMP error about a packet that has gone by, for a timer's event: what it says, and the way back.
@frozen
public struct DeferredAnswer: BitwiseCopyable, Sendable {
  fileprivate static let mostBytes = 256

  fileprivate var receiver: IPAddress
  fileprivate var length: UInt16
  fileprivate var ingress: UInt8
  fileprivate var frame: InlineArray<256, UInt8>
}

extension PacketControl {
  /// The error that `answer(_:from:)` would send about the packet, to be sent by `Event.send(_:)` when its time comes.
  ///
  /// Nil about a packet that no error may be about (`ICMPError.write`) or that a middlebox made, in frames that are not Ethernet,
  /// and where it would be longer than 256 bytes: it is for short packets, such as a SYN.
  public func deferredAnswer(_ error: ICMPError, from source: IPAddress) -> DeferredAnswer? {
    let core = occurrence.pointee.core
    guard core.pointee.table.acts, !core.pointee.isInjecting, let packet = occurrence.pointee.packet else { return nil }
    var frame = InlineArray<256, UInt8>(repeating: 0)
    let length = withUnsafeMutableBytes(of: &frame) { buffer -> Int? in
      let etherType = source.isV4 ? EtherType.ipv4 : EtherType.ipv6
      guard let link = packet.pointee.writeReturningLink(etherType: etherType, into: buffer) else { return nil }
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[link...])
      return error.write(about: packet.pointee, from: source, into: rest).map { link + $0 }
    }
    guard let length else { return nil }
    return DeferredAnswer(
      receiver: packet.pointee.key.source, length: UInt16(length), ingress: core.pointee.ingress, frame: frame)
  }
}

extension Event where Kind == BoxTimerExpiry {
  /// Sends an error about a packet that has gone by, back to where that came from. It leaves at once, past the other
  /// middleboxes.
  ///
  /// Returns `false`, and sends nothing, beyond ten a second to one host or a thousand in all (RFC 1812 4.3.2.8), and when it
  /// is the 65th of an event.
  @discardableResult
  public func send(_ answer: DeferredAnswer) -> Bool {
    let core = occurrence.pointee.core
    guard core.pointee.table.acts, !core.pointee.isInjecting else { return false }
    let way = PacketWay(of: answer, in: occurrence)
    let isMade = core.pointee.injections.add(way) { slot in
      guard core.pointee.answerLimit.admits(answer.receiver, at: occurrence.pointee.time) else { return nil }
      let length = Int(answer.length)
      withUnsafeBytes(of: answer.frame) { slot.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<length])) }
      return length
    }
    if isMade { core.pointee.hasMade = true }
    return isMade
  }
}

extension PacketWay {
  fileprivate init(of answer: DeferredAnswer, in occurrence: UnsafeMutablePointer<Occurrence>) {
    let core = occurrence.pointee.core
    flow = 0
    sender = .server
    passed = core.pointee.table.boxCount
    maker = core.pointee.table.box(of: occurrence.pointee.node)
    isReturned = answer.ingress == core.pointee.ingress
  }
}
