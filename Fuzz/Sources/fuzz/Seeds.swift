import Glibc
import MOSCore
import PacketIO

/// Writes each input to a file named after its content, so that equal ones are one.
func writeSeeds(of target: Target, folder: String, captures: ArraySlice<String>) {
  for capture in captures {
    for seed in target.seeds(capture) where !seed.isEmpty {
      var hash: UInt64 = 0xcbf2_9ce4_8422_2325
      for byte in seed { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
      guard let file = fopen("\(folder)/\(String(hash, radix: 16))", "w") else { continue }
      fwrite(seed, 1, seed.count, file)
      fclose(file)
    }
  }
}

/// A capture's first frames.
func frames(of capture: String, atMost limit: Int) -> [(linkType: LinkType, bytes: [UInt8])] {
  var result: [(linkType: LinkType, bytes: [UInt8])] = []
  do {
    var reader = try CaptureReader(path: capture)
    withUnsafeTemporaryAllocation(of: CapturedFrame.self, capacity: 1) { burst in
      while result.count < limit, let count = try? reader.next(into: burst.baseAddress!, capacity: 1), count > 0 {
        let bytes = UnsafeRawBufferPointer(start: burst[0].bytes, count: Int(burst[0].capturedLength))
        result.append((burst[0].linkType, [UInt8](bytes)))
      }
    }
  } catch {
    complain("\(error)")
  }
  return result
}

/// A file's first bytes.
func head(of path: String, atMost limit: Int) -> [UInt8] {
  guard let file = fopen(path, "r") else { return [] }
  defer { fclose(file) }
  var bytes = [UInt8](repeating: 0, count: limit)
  let count = fread(&bytes, 1, limit, file)
  return Array(bytes[..<count])
}

/// One line on standard error.
func complain(_ text: String) {
  let line = Array((text + "\n").utf8)
  _ = write(STDERR_FILENO, line, line.count)
}

/// Reads every byte, so that one out of bounds is seen.
func touch(_ bytes: UnsafeRawPointer, _ count: Int) {
  var sum: UInt8 = 0
  for index in 0..<count { sum ^= bytes.load(fromByteOffset: index, as: UInt8.self) }
  sink ^= sum
}

nonisolated(unsafe) var sink: UInt8 = 0
