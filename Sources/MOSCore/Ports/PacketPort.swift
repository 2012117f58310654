/// Where frames come in and go out: a network interface, or what stands for one.
///
/// Frames pass in bursts, as views (`CapturedFrame`) in memory that the caller of `receive` and `send` provides, so that
/// a port needs no allocation for a frame. A port belongs to one thread.
///
/// Who owns a frame's bytes:
/// - Those that `receive` gives out belong to the port. They stay valid until the next `receive` on the same port, or
///   until they are sent, no matter what is done with other ports. Until then the caller may change them where they lie, within
///   `capturedLength`; a frame that is to be longer is built in the caller's own memory. A frame that was sent may belong to
///   the other port from then on: it is not to be changed, or sent again.
/// - Those given to `send` belong to the caller, or to the port from which they were received. When `send` returns, the
///   port has copied them or handed them on, and does not look at them again.
///
/// So `receive` on one port, `send` on the other, and then `receive` again is safe with every port; a port whose buffers
/// can change hands (two queues of network cards that share a memory pool) knows its own by their addresses, and need not
/// copy.
public protocol PacketPort: ~Copyable {
  /// Gives out the next frames that have come in, in their order, up to `capacity` of them; 0 when nothing is there.
  /// Never waits. The bytes of the frames that the call before gave out are no longer valid.
  mutating func receive(into frames: UnsafeMutablePointer<CapturedFrame>, capacity: Int) -> Int

  /// Sends frames, in their order, and returns how many the port took. Never waits: a frame that does not fit, or finds
  /// no room, is dropped and counted in `PortStatistics.sendDropped`, and those behind it are still tried. Nothing is
  /// left for the caller to send again.
  mutating func send(_ frames: UnsafePointer<CapturedFrame>, count: Int) -> Int

  /// Whether frames may be sent whose checksum of TCP or UDP was left out (`CapturedFrame.leavesChecksum`): their IP header is
  /// directly behind Ethernet's and its tags, and that of TCP or UDP directly behind the one of IP. To others nobody may send
  /// such frames; they are `false` by default.
  var fillsInChecksums: Bool { get }

  /// What was counted so far.
  var statistics: PortStatistics { get }
}

extension PacketPort where Self: ~Copyable {
  /// `false`: who makes frames has summed them up.
  public var fillsInChecksums: Bool { false }
}
