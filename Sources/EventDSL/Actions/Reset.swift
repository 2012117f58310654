import DualStackTracker
import MOSCore

extension Flow {
  /// Ends the TCP connection: both ends are sent a RST that they take (RFC 9293 3.10.7, RFC 5961 3.2), by the numbers of the
  /// packet in whose event this is called, which is dropped.
  ///
  /// The sender gets the RST that a closed port would answer with; the receiver one with the sequence number that it expects
  /// next. In an engine without filters, for a flow that is not TCP, and in an event without a packet, this does nothing.
  public func reset() {
    guard let packet = occurrence.pointee.packet, packet.pointee.kind == .tcp else { return }
    let core = occurrence.pointee.core
    guard core.pointee.table.acts else { return }
    let sender = occurrence.pointee.sender
    let flags = packet.pointee.flags
    let length =
      packet.pointee.payloadLength &+ (flags.contains(.syn) ? 1 : 0) &+ (flags.contains(.fin) ? 1 : 0)
    if !flags.contains(.rst) {
      let back =
        flags.contains(.ack)
        ? TCPSegment.reset(sequence: packet.pointee.acknowledgment)
        : TCPSegment.reset(sequence: 0, acknowledgment: packet.pointee.sequence &+ length)
      inject(back, toward: sender)
    }
    if !(flags.contains(.syn) && !flags.contains(.ack)) {
      inject(.reset(sequence: packet.pointee.sequence), toward: sender.peer)
    }
    core.pointee.work.pointee.drop(by: occurrence.pointee.node)
  }
}
