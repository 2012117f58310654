import MOSCore
import PacketIO

/// The input is a capture file.
let captureTarget = Target(
  name: "capture",
  run: { data, size in
    let bytes = UnsafeRawBufferPointer(start: data, count: size)
    do {
      var reader = try CaptureReader(bytes: bytes)
      try withUnsafeTemporaryAllocation(of: CapturedFrame.self, capacity: 7) { burst in
        var total = 0
        while true {
          let count = try reader.next(into: burst.baseAddress!, capacity: 7)
          if count == 0 { break }
          for frame in burst[..<count] {
            precondition(frame.wireLength >= frame.capturedLength)
            touch(frame.bytes, Int(frame.capturedLength))
          }
          total += count
          // No record takes less than 12 bytes.
          precondition(total <= size / 12)
          precondition(reader.byteOffset <= UInt64(size))
        }
        precondition(reader.packetsRead == UInt64(total))
      }
    } catch {
      sink ^= UInt8(truncatingIfNeeded: "\(error)".utf8.count)
    }
    return 0
  },
  seeds: { capture in [head(of: capture, atMost: 4096)] })
