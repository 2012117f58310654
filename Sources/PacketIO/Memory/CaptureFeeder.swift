// Unsafe: `frames` has room for `burst` frames. Invariant: those from `position` up to `held` came from the trace's last
// read, whose bytes are valid.
import MOSCore

/// Plays a capture, each frame at the side that it came from.
///
/// Which side that is, is told by who spoke first:
/// - TCP and UDP: whoever sent the first packet of the flow (the addresses and ports) is its client.
/// - Everything else over IP (ICMP, other protocols, fragments): whoever sent the first packet between the two addresses,
///   of any protocol. A router's ICMP error thus is between the router and the host that it is sent to.
/// - What is not IP comes from the client's side.
///
/// VLAN tags and MPLS labels make no difference, since they may differ between the directions. Packets inside of tunnels
/// are not looked at: what counts is who sent the frame's own IP header.
public struct CaptureFeeder: ~Copyable {
  /// Frames that were fed from the client's side.
  public private(set) var client = FrameCount()
  /// Frames that were fed from the server's side.
  public private(set) var server = FrameCount()

  private var trace: TraceReader
  private var decoder: PacketDecoder
  private var flows: FlowSides
  private var pairs: FlowSides
  private let frames: UnsafeMutablePointer<CapturedFrame>
  private var position = 0
  private var held = 0
  private static var burst: Int { 32 }

  /// Plays `trace` from where it stands. Of at most `maximumFlows` (1 to 2^31) flows, and as many pairs of addresses, the
  /// client is remembered; when there are more the oldest is forgotten.
  public init(_ trace: consuming TraceReader, maximumFlows: Int = 1 << 16) {
    var configuration = DecoderConfiguration()
    configuration.verifyChecksums = false
    configuration.tunnels = [.mpls, .pppoe]
    decoder = PacketDecoder(configuration: configuration)
    flows = FlowSides(capacity: maximumFlows)
    pairs = FlowSides(capacity: maximumFlows)
    frames = .allocate(capacity: Self.burst)
    self.trace = trace
  }

  deinit { frames.deallocate() }

  /// Damage met in the capture so far; the frames before it were fed.
  public var problems: [CaptureError] { trace.problems }

  /// When the next frame was captured; `nil` at the end.
  public mutating func nextTimestamp() -> Timestamp? {
    isReady() ? frames[position].timestamp : nil
  }

  /// Feeds the next frames, up to `limit` of them and no further than the first that was captured after `end`: each to
  /// `client` or `server`, the sinks at the two sides. Returns how many there were, also where a sink dropped them; 0 at
  /// the end.
  public mutating func feed<Client: FrameSink & ~Copyable, Server: FrameSink & ~Copyable>(
    client: inout Client, server: inout Server, limit: Int = .max,
    until end: Timestamp = Timestamp(nanoseconds: .max)
  ) -> Int {
    var fed = 0
    while fed < limit, isReady(), frames[position].timestamp <= end {
      let frame = frames + position
      switch side(of: frame.pointee) {
      case .client:
        self.client.add(frame.pointee)
        _ = client.deliver(frame, count: 1)
      case .server:
        self.server.add(frame.pointee)
        _ = server.deliver(frame, count: 1)
      }
      position += 1
      fed += 1
    }
    return fed
  }

  /// The same with one sink, which takes what comes from `side`; what comes from the other is left out. Returns how many
  /// frames the capture had, those left out among them.
  public mutating func feed<Sink: FrameSink & ~Copyable>(
    _ side: Side, into sink: inout Sink, limit: Int = .max, until end: Timestamp = Timestamp(nanoseconds: .max)
  ) -> Int {
    var nothing = NoSink()
    switch side {
    case .client: return feed(client: &sink, server: &nothing, limit: limit, until: end)
    case .server: return feed(client: &nothing, server: &sink, limit: limit, until: end)
    }
  }

  private mutating func isReady() -> Bool {
    if position == held {
      position = 0
      held = trace.next(into: frames, capacity: Self.burst)
    }
    return position < held
  }

  private mutating func side(of frame: CapturedFrame) -> Side {
    var packet = DecodedPacket(frame: frame.bytes)
    decoder.beginBurst()
    decoder.decode(frame, number: client.frames &+ server.frames &+ 1, into: &packet)
    if packet.ipVersion == 0 { return .client }
    var pair = packet.key
    pair.rest = 0
    // Asked for in any case: the first packet between the two may be one of TCP.
    let sideOfPair = pairs.side(of: pair)
    guard packet.kind == .tcp || packet.kind == .udp, !packet.isReassembled else { return sideOfPair }
    let key = packet.key
    return flows.side(
      of: FlowKey(
        source: key.source, sourcePort: key.sourcePort, destination: key.destination,
        destinationPort: key.destinationPort, protocolNumber: key.protocolNumber))
  }
}

/// Keeps nothing.
private struct NoSink: FrameSink {
  mutating func deliver(_ frames: UnsafePointer<CapturedFrame>, count: Int) -> Int { count }
}
