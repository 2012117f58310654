import MOSCore
import PacketIO

/// What came to an interface: each frame that passed the filter is in `received` or in `droppedByKernel`.
struct InterfaceCounters {
  var interface: String
  var received: FrameCount
  var kernel: PcapCounters

  /// For the summary: counts of zero left out.
  var line: String {
    let counts = [
      ("received", received.frames), ("dropped by the kernel for want of room", kernel.droppedByKernel),
      ("dropped by the interface", kernel.droppedByInterface),
    ]
    let text = counts.filter { $0.1 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    return "\(interface): \(text.isEmpty ? "nothing" : text)"
  }

  /// As counters of a port at which nothing is sent.
  var asPort: InlinePortCounters {
    var counters = InlinePortCounters(device: interface)
    counters.received = received
    counters.missed = kernel.droppedByKernel &+ kernel.droppedByInterface
    return counters
  }
}
