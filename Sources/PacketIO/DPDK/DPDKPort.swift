// Unsafe: owns a queue of the C layer. Invariant: `frames` has room for `MOS_DPDK_BURST`; the device and the memory live as
// long as the queue.
import CDPDK
import MOSCore

/// A queue pair of a DPDK device.
///
/// A frame that was received at a port is handed on without a copy when it is sent at a port that has the same
/// `DPDKMemory`; it is known by its address. It can be shorter then, and changed in place. Its bytes are the other port's from
/// then on, and may be overwritten: a frame can be sent once, and what is sent again is dropped. Frames that lie elsewhere,
/// or in several pieces, are copied.
public struct DPDKPort: ~Copyable {
  /// The device.
  public let device: DPDKDevice
  private let memory: DPDKMemory
  private let queue: OpaquePointer
  private let frames: UnsafeMutablePointer<mos_dpdk_frame>

  /// The most frames that are received or sent at a time; what is more waits.
  public static var burst: Int { Int(MOS_DPDK_BURST) }

  /// Queue pair `queue` (from 0) of `device`, which no other port may have. Throws where there is no memory for it.
  public init(_ device: DPDKDevice, queue number: Int = 0) throws(DPDKError) {
    precondition(device.memories.indices ~= number, "the device has no such queue")
    memory = device.memories[number]
    guard let queue = mos_dpdk_queue_open(device.number, UInt16(number), memory.pool) else {
      throw DPDKError(port: device.arguments, reason: "there is no memory for its queue \(number)")
    }
    self.device = device
    self.queue = queue
    frames = mos_dpdk_queue_frames(queue)
  }

  deinit { mos_dpdk_queue_close(queue) }

  /// Of the frames sent, and of those that found no room, how many had to be copied.
  public var copied: UInt64 { mos_dpdk_queue_counters(queue).copied }
}

extension DPDKPort: PacketPort {
  /// Gives out the next frames, up to `capacity` and at most `burst`. Their times are those of the capture where the driver
  /// plays one, those of the device's clock where it has one that stamps them, and else one for all, when they were received.
  public mutating func receive(into frames: UnsafeMutablePointer<CapturedFrame>, capacity: Int) -> Int {
    let count = Int(mos_dpdk_receive(queue, Int32(clamping: capacity)))
    for index in 0..<count {
      let frame = self.frames[index]
      var captured = CapturedFrame(
        bytes: frame.bytes, capturedLength: frame.length, wireLength: frame.length,
        timestamp: Timestamp(nanoseconds: frame.nanoseconds), linkType: .ethernet)
      captured.hasRightChecksums = frame.has_right_checksums != 0
      (frames + index).initialize(to: captured)
    }
    return count
  }

  /// Hands frames to the driver, those that were received without a copy. Only the bytes that were captured of a frame are sent.
  public mutating func send(_ frames: UnsafePointer<CapturedFrame>, count: Int) -> Int {
    var sent = 0
    var first = 0
    while first < count {
      let part = min(count &- first, DPDKPort.burst)
      for index in 0..<part {
        self.frames[index].bytes = frames[first &+ index].bytes
        self.frames[index].length = frames[first &+ index].capturedLength
        self.frames[index].leaves_checksum = frames[first &+ index].leavesChecksum ? 1 : 0
      }
      sent &+= Int(mos_dpdk_send(queue, Int32(part)))
      first &+= part
    }
    return sent
  }

  /// Whether the device does.
  public var fillsInChecksums: Bool { device.fillsInChecksums }

  /// What was counted so far. Frames that the device dropped before the queue are the device's (`DPDKDevice.counters`).
  public var statistics: PortStatistics {
    let counters = mos_dpdk_queue_counters(queue)
    var statistics = PortStatistics()
    statistics.received = FrameCount(frames: counters.received, bytes: counters.received_bytes)
    statistics.sent = FrameCount(frames: counters.sent, bytes: counters.sent_bytes)
    statistics.receiveDropped = FrameCount(frames: counters.receive_dropped, bytes: counters.receive_dropped_bytes)
    statistics.sendDropped = FrameCount(frames: counters.send_dropped, bytes: counters.send_dropped_bytes)
    return statistics
  }
}
