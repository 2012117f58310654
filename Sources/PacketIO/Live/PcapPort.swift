// Unsafe: owns a handle of libpcap and memory for the frames of a burst. Invariant: `handle` is an active one until `deinit`
// closes it; what `collect` is given as its context is `burst`, during a call of `receive` only; a burst's frames lie one behind
// the other in `memory`, which has room for `burstLength` frames of `stride` bytes.
import CPcap
import Glibc
import MOSCore

/// An interface of this host, captured at and sent at through libpcap: without DPDK, and without taking it from the host.
///
/// Frames carry the kernel's time stamps, in nanoseconds. They are copied out of libpcap's buffer, where they stay no longer
/// than a call. A port belongs to one thread.
public final class PcapPort {
  /// The most frames that are received at a time.
  public static let burstLength = 64
  /// How late a frame may be received, in nanoseconds, if the port is not immediate: what the kernel holds back is given out
  /// after 10 ms, or at the next look of its timer.
  public static let longestDelay: Int64 = 30_000_000
  private static let timeout: Int32 = 10

  private struct Burst {
    var frames: UnsafeMutablePointer<CapturedFrame>
    var place: UnsafeMutableRawPointer
    var count = 0
    let stride: Int
    let linkType: LinkType
  }

  /// The interface's name.
  public let interface: String
  /// How its frames begin.
  public let linkType: LinkType
  /// What was counted so far, of what was received and sent.
  public private(set) var statistics = PortStatistics()
  /// Why nothing comes any more; nil while all is well.
  public private(set) var failure: PcapError?
  private let functions: mos_pcap_functions
  private let handle: OpaquePointer
  private let memory: ReservedMemory
  private let stride: Int
  private var counters = PcapCounters()
  private var lastNumbers = pcap_stat()

  /// Begins to capture at `interface`. Throws when there is no such interface, when it may not be captured at, when its link
  /// type is none that the decoder reads, or when the filter is refused.
  public init(_ interface: String, _ configuration: PcapConfiguration = PcapConfiguration()) throws(PcapError) {
    precondition(64...262_144 ~= configuration.snapLength, "a snap length is 64 to 262,144 bytes")
    precondition(1 << 20...1 << 30 ~= configuration.bufferByteCount, "a buffer has 1 MiB to 1 GiB")
    guard let libpcap else {
      throw PcapError(.system, interface: interface, reason: "libpcap cannot be loaded", remedy: "install libpcap0.8")
    }
    let setup = PcapSetup(interface: interface, functions: libpcap)
    let handle = try setup.open(configuration, timeout: Self.timeout)
    do throws(PcapError) {
      linkType = try setup.linkType(of: handle)
      if let filter = configuration.filter { try setup.set(filter, on: handle) }
    } catch {
      libpcap.close(handle)
      throw error
    }
    self.interface = interface
    self.handle = handle
    functions = libpcap
    // libpcap puts VLAN tags back into frames.
    stride = (configuration.snapLength + 8 + 63) & ~63
    memory = ReservedMemory(byteCount: Self.burstLength * stride)
  }

  deinit { functions.close(handle) }

  /// What can be waited at with `poll` until there is something to receive; -1 where that is impossible.
  public var descriptor: Int32 { functions.selectable_fd(handle) }

  /// What the kernel counted so far.
  public func updateCounters() -> PcapCounters {
    var numbers = pcap_stat()
    guard failure == nil, functions.stats(handle, &numbers) == 0 else { return counters }
    // libpcap's own have 32 bits.
    counters.droppedByKernel &+= UInt64(numbers.ps_drop &- lastNumbers.ps_drop)
    counters.droppedByInterface &+= UInt64(numbers.ps_ifdrop &- lastNumbers.ps_ifdrop)
    lastNumbers = numbers
    return counters
  }

  private static let collect: pcap_handler = { context, header, bytes in
    guard let context, let header, let bytes else { return }
    context.withMemoryRebound(to: Burst.self, capacity: 1) { burst in
      let captured = min(Int(header.pointee.caplen), burst.pointee.stride)
      let place = burst.pointee.place
      place.copyMemory(from: bytes, byteCount: captured)
      // The time's second field has nanoseconds, as was asked for.
      let time = Int64(header.pointee.ts.tv_sec) &* 1_000_000_000 &+ Int64(header.pointee.ts.tv_usec)
      (burst.pointee.frames + burst.pointee.count).initialize(
        to: CapturedFrame(
          bytes: UnsafeRawPointer(place), capturedLength: UInt32(captured),
          wireLength: max(UInt32(captured), header.pointee.len), timestamp: Timestamp(nanoseconds: time),
          linkType: burst.pointee.linkType))
      burst.pointee.place = place + (captured + 63) & ~63
      burst.pointee.count &+= 1
    }
  }
}

extension PcapPort: PacketPort {
  /// Gives out the next frames, up to `capacity` and at most `burstLength`. Where there are none, `failure` may say why.
  public func receive(into frames: UnsafeMutablePointer<CapturedFrame>, capacity: Int) -> Int {
    guard failure == nil, capacity > 0 else { return 0 }
    var burst = Burst(frames: frames, place: memory.base, stride: stride, linkType: linkType)
    let result = withUnsafeMutablePointer(to: &burst) { burst in
      burst.withMemoryRebound(to: UInt8.self, capacity: MemoryLayout<Burst>.size) {
        functions.dispatch(handle, Int32(min(capacity, Self.burstLength)), Self.collect, $0)
      }
    }
    if result < 0 {
      let gone = if_nametoindex(interface) == 0
      failure = PcapError(
        gone ? .noSuchInterface : .system, interface: interface,
        reason: gone ? "the interface is gone" : PcapSetup.text(functions.geterr(handle)))
    }
    for index in 0..<burst.count { statistics.received.add(frames[index]) }
    return burst.count
  }

  /// Sends frames, one by one; those that the kernel refuses are dropped.
  public func send(_ frames: UnsafePointer<CapturedFrame>, count: Int) -> Int {
    var sent = 0
    for index in 0..<max(0, count) {
      let frame = frames[index]
      if functions.inject(handle, frame.bytes, Int(frame.capturedLength)) == Int32(frame.capturedLength) {
        statistics.sent.add(frame)
        sent &+= 1
      } else {
        statistics.sendDropped.add(frame)
      }
    }
    return sent
  }
}
