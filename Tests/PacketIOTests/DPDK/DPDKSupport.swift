import Foundation
import MOSCore
import PacketIO

/// DPDK as tests have it: started once for all of them, in a thread of its own, because it binds that thread to a core.
enum StartedDPDK {
  static let result: Result<Void, DPDKError> = {
    let done = DispatchSemaphore(value: 0)
    nonisolated(unsafe) var result = Result<Void, DPDKError>.success(())
    let thread = Thread {
      do throws(DPDKError) { try DPDK.start(arguments: ["--no-huge", "-m", "768"]) } catch { result = .failure(error) }
      done.signal()
    }
    thread.start()
    done.wait()
    return result
  }()

  /// Starts it. Throws what was wrong with that.
  static func ensure() throws { try result.get() }
}

/// A row of frames as a port's user has them, in the memory of this object.
final class FrameBurst {
  let frames: UnsafeMutablePointer<CapturedFrame>
  let capacity: Int
  private var buffers: [UnsafeMutableRawPointer] = []

  init(capacity: Int = 32) {
    self.capacity = capacity
    frames = .allocate(capacity: capacity)
  }

  deinit {
    frames.deallocate()
    for buffer in buffers { buffer.deallocate() }
  }

  /// A frame of the caller's own with these bytes, valid as long as this object.
  func own(_ bytes: [UInt8]) -> CapturedFrame {
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: max(1, bytes.count), alignment: 16)
    bytes.withUnsafeBytes { buffer.copyMemory(from: $0.baseAddress!, byteCount: bytes.count) }
    buffers.append(buffer)
    return CapturedFrame(
      bytes: buffer, capturedLength: UInt32(bytes.count), wireLength: UInt32(bytes.count),
      timestamp: Timestamp(nanoseconds: 0), linkType: .ethernet)
  }
}

/// Bytes of an Ethernet frame that tell its number.
func numberedFrame(_ number: Int, length: Int = 64) -> [UInt8] {
  var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: length)
  for index in 0..<4 { bytes[index + 14] = UInt8(truncatingIfNeeded: number >> (8 * index)) }
  (bytes[12], bytes[13]) = (0x88, 0xb5)
  return bytes
}
