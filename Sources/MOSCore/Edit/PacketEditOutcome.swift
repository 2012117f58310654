/// What became of a change to a packet. Whatever is not `done` changed nothing.
@frozen
public enum PacketEditOutcome: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// The packet was changed, and its checksums and lengths with it.
  case done = 0
  /// The editor holds no packet.
  case noPacket
  /// The packet is neither TCP, UDP nor ICMP over IP, or has no such field.
  case notSupported
  /// The packet is inside of a tunnel: headers further out would have to change too.
  case insideTunnel
  /// The packet is a fragment or was put together from fragments; its checksum covers bytes that are not in the frame.
  case fragment
  /// Not all of the packet was captured.
  case truncated
  /// The packet's lengths contradict each other.
  case malformed
  /// An IP authentication header (RFC 4302) signs what would be changed.
  case authenticated
  /// The field is one of TCP, and the packet is UDP.
  case notTCP
  /// An IPv4 address for an IPv6 packet, or the other way around.
  case wrongAddressFamily
  /// The bytes named lie outside of the payload.
  case outsidePayload
  /// The IP datagram would be longer than the given MTU, or than its length field can say.
  case exceedsMTU
  /// The frame would be longer than the editor's buffer.
  case exceedsCapacity
  /// The length cannot change: a header before IP carries it too (PPPoE, IEEE 802.3 with LLC), or is not known, or the
  /// length fields do not say how long the packet is (a jumbogram, segmentation offload).
  case fixedLength
  /// Bytes behind the place have passed, or the receiver's stack has taken the packet, or it was dropped.
  case tooLate
  /// Addresses and ports are others than those that the change is for.
  case otherEnds
  /// The time to live is at an end.
  case timeToLiveExceeded
  /// As many changes of a stream's length as can be held wait for their acknowledgment.
  case tooMany
}
