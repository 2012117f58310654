// Unsafe: arrays of a burst's frames and packets, which its owner gives back. Invariant: each has room for
// `FlowWorker.burst`.
import EventDSL
import MOSCore

/// Where a worker's bursts lie on their way from one port to the other.
struct InlinePassage: BitwiseCopyable {
  /// Frames as they were received.
  let frames: UnsafeMutablePointer<CapturedFrame>
  /// The packets in them.
  let packets: UnsafeMutablePointer<DecodedPacket>
  private let onward: UnsafeMutablePointer<CapturedFrame>
  private let returned: UnsafeMutablePointer<CapturedFrame>

  init() {
    frames = .allocate(capacity: FlowWorker.burst)
    packets = .allocate(capacity: FlowWorker.burst)
    onward = .allocate(capacity: FlowWorker.burst)
    returned = .allocate(capacity: FlowWorker.burst)
  }

  func deallocate() {
    frames.deallocate()
    packets.deallocate()
    onward.deallocate()
    returned.deallocate()
  }

  /// Sends what became of the burst of `count` frames: all of them where no middlebox decides about packets.
  @inline(__always)
  func send<Port: PacketPort & ~Copyable>(
    _ count: Int, _ flows: UnsafeMutablePointer<FlowWorker>, from: inout Port, to: inout Port
  ) {
    if flows.pointee.path.acts {
      sendOutput(flows, from: &from, to: &to)
    } else {
      _ = to.send(frames, count: count)
    }
  }

  /// Sends what left the middleboxes: on to one port, or back to the other, where the packets of the last burst came in.
  func sendOutput<Port: PacketPort & ~Copyable>(
    _ flows: UnsafeMutablePointer<FlowWorker>, from: inout Port, to: inout Port
  ) {
    var onwardCount = 0
    var returnedCount = 0
    for index in 0..<flows.pointee.path.outputCount {
      let output = flows.pointee.path.output(index)
      if output.isReturned {
        (returned + returnedCount).initialize(to: output.frame)
        returnedCount += 1
        if returnedCount == FlowWorker.burst { send(returned, &returnedCount, &from) }
      } else {
        (onward + onwardCount).initialize(to: output.frame)
        onwardCount += 1
        if onwardCount == FlowWorker.burst { send(onward, &onwardCount, &to) }
      }
    }
    send(onward, &onwardCount, &to)
    send(returned, &returnedCount, &from)
    flows.pointee.path.emptyOutput()
  }

  /// Sends what left the middleboxes where its destination is.
  func routeOutput<Port: PacketPort & ~Copyable>(
    _ flows: UnsafeMutablePointer<FlowWorker>, _ router: InlineRouter, first: inout Port, second: inout Port
  ) {
    var start = 0
    while start < flows.pointee.path.outputCount {
      let end = min(start + FlowWorker.burst, flows.pointee.path.outputCount)
      var counts = (0, 0)
      let made = router.route({ flows.pointee.path.output($0).frame }, start..<end) { frame, port in
        if port == 0 {
          (returned + counts.0).initialize(to: frame)
          counts.0 += 1
        } else {
          (onward + counts.1).initialize(to: frame)
          counts.1 += 1
        }
      }
      send(made, first: &first, second: &second)
      send(returned, &counts.0, &first)
      send(onward, &counts.1, &second)
      start = end
    }
    flows.pointee.path.emptyOutput()
  }

  /// Sends what a router made.
  func send<Port: PacketPort & ~Copyable>(_ made: [RouterFrame], first: inout Port, second: inout Port) {
    for own in made {
      own.bytes.withUnsafeBytes { bytes in
        let count = UInt32(bytes.count)
        let frame = CapturedFrame(
          bytes: bytes.baseAddress!, capturedLength: count, wireLength: count, timestamp: Timestamp(nanoseconds: 0),
          linkType: .ethernet)
        withUnsafePointer(to: frame) { _ = own.port == 0 ? first.send($0, count: 1) : second.send($0, count: 1) }
      }
    }
  }

  private func send<Port: PacketPort & ~Copyable>(
    _ frames: UnsafeMutablePointer<CapturedFrame>, _ count: inout Int, _ port: inout Port
  ) {
    if count > 0 { _ = port.send(frames, count: count) }
    count = 0
  }
}
