// Unsafe: owns a memory pool. Invariant: whatever has frames of it keeps a reference to this object.
import CDPDK
import Synchronization

/// Memory that one worker's ports have their frames in: what one of them received another can send without a copy.
///
/// Ports that share it belong to one thread.
public final class DPDKMemory: @unchecked Sendable {
  let pool: OpaquePointer
  /// How many frames there is room for.
  public let frames: Int
  /// The longest frame that lies in one piece.
  public let frameByteCount: Int

  private static let number = Atomic<Int>(0)

  /// Memory for `frames` (64 to 2^20) frames of up to `frameByteCount` (1 to 65,000) bytes in one piece: of the node `socket`,
  /// -1 for any. A driver takes as many as its queues have descriptors. DPDK must have been started. Throws where there is not so much.
  public init(frames: Int = 8_192, frameByteCount: Int = 2_048, socket: Int = -1) throws(DPDKError) {
    pool = try DPDKMemory.pool(frames, frameByteCount, socket)
    self.frames = frames
    self.frameByteCount = frameByteCount
  }

  /// The same of the node `preferredSocket` if that has so much, and else of any. Throws where there is not so much at all.
  public init(frames: Int, frameByteCount: Int, preferredSocket: Int) throws(DPDKError) {
    do throws(DPDKError) {
      pool = try DPDKMemory.pool(frames, frameByteCount, preferredSocket)
    } catch {
      pool = try DPDKMemory.pool(frames, frameByteCount, -1)
    }
    self.frames = frames
    self.frameByteCount = frameByteCount
  }

  private static func pool(_ frames: Int, _ frameByteCount: Int, _ socket: Int) throws(DPDKError) -> OpaquePointer {
    precondition(64...1 << 20 ~= frames && 1...65_000 ~= frameByteCount, "64 to 2^20 frames of 1 to 65,000 bytes")
    var failure = mos_dpdk_failure()
    let name = "frames\(number.add(1, ordering: .relaxed).newValue)"
    guard
      let pool = mos_dpdk_memory_create(
        name, UInt32(frames), UInt32(frameByteCount), Int32(clamping: socket), &failure)
    else { throw DPDKError(failure, remedy: "give DPDK more memory, such as with its argument -m 1024") }
    return pool
  }

  deinit { mos_dpdk_memory_free(pool) }

  /// Frames that are in use: received and not yet given back, in drivers' queues, or on their way out.
  public var framesInUse: Int { Int(mos_dpdk_memory_used(pool)) }
}
