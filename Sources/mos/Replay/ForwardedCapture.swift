import MOSCore
import PacketIO

/// The file of `--write-pcap`: the packets that leave, in their order.
///
/// The first failure is remembered and what comes later is not written, so that a full disk does not stop the replay.
struct ForwardedCapture: ~Copyable {
  private var writer: CaptureWriter
  private var error: CaptureError?

  /// Creates or empties the file that `options` name; nil when they name none. Throws when that cannot be done.
  init?(_ options: ReplayOptions) throws(ReplayFailure) {
    guard let path = options.packetFile else { return nil }
    do { writer = try CaptureWriter(path: path) } catch {
      throw ReplayFailure(message: error.description, status: 3)
    }
  }

  /// Packets that left as they came.
  mutating func write(_ frames: UnsafePointer<CapturedFrame>, count: Int) {
    for index in 0..<count { write(frames[index]) }
  }

  /// A packet that left.
  mutating func write(_ frame: CapturedFrame) {
    guard error == nil else { return }
    do { try writer.write(frame) } catch { self.error = error }
  }

  /// Writes what is left. Returns what went wrong; `lost` is how many packets found no room on their way out.
  mutating func finish(lost: UInt64) -> [String] {
    if error == nil {
      do { try writer.flush() } catch { self.error = error }
    }
    if let error { return ["\(error); the packets that follow are not in the file"] }
    return lost > 0 ? ["\(writer.file): \(lost) packets are not in the file: too many left at a time"] : []
  }
}
