import MOSCore
import MTCP

/// Round trips from here to an end and back: one number at a time is timed (RFC 6298 3).
extension Tracker {
  /// Starts to time how long `receiver` takes to acknowledge `sequence`, unless a number is being timed.
  @inline(__always)
  mutating func time(
    _ receiver: UnsafeMutablePointer<Endpoint>, until sequence: SequenceNumber, _ packet: UnsafePointer<DecodedPacket>
  ) {
    if receiver.pointee.knows.contains(.timing) { return }
    receiver.pointee.timedSequence = sequence
    receiver.pointee.timedAt = UInt32(truncatingIfNeeded: packet.pointee.timestamp.nanoseconds &>> 6)
    receiver.pointee.knows.insert(.timing)
  }

  /// Ends the timing of `sender` when it acknowledges the number that is timed.
  @inline(__always)
  mutating func takeTime(
    _ sender: UnsafeMutablePointer<Endpoint>, _ own: UnsafeMutablePointer<EndpointCounters>,
    _ acknowledgment: SequenceNumber, _ packet: UnsafePointer<DecodedPacket>
  ) {
    guard sender.pointee.knows.contains(.timing), acknowledgment >= sender.pointee.timedSequence else { return }
    let now = UInt32(truncatingIfNeeded: packet.pointee.timestamp.nanoseconds &>> 6)
    // 64 ns are 8/125 of a microsecond.
    let eighths = UInt64(now &- sender.pointee.timedAt) &* 8
    own.pointee.sampleRoundTrip(microseconds: UInt32(truncatingIfNeeded: (eighths &+ 62) / 125))
    sender.pointee.knows.remove(.timing)
  }
}
