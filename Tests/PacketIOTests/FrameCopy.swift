import Foundation
import MOSCore
import PacketIO

/// A frame whose bytes are its own.
struct FrameCopy: Equatable, CustomStringConvertible, CustomReflectable {
  var bytes: [UInt8]
  var wireLength: UInt32
  var nanoseconds: Int64
  var linkType: LinkType

  init(bytes: [UInt8], wireLength: UInt32? = nil, nanoseconds: Int64, linkType: LinkType = .ethernet) {
    self.bytes = bytes
    self.wireLength = wireLength ?? UInt32(bytes.count)
    self.nanoseconds = nanoseconds
    self.linkType = linkType
  }

  // Short, for the sake of failure reports.
  var description: String { "\(bytes.count)/\(wireLength) bytes at \(nanoseconds) (\(linkType))" }
  var customMirror: Mirror { Mirror(self, children: []) }

  init(_ frame: CapturedFrame) {
    bytes = [UInt8](UnsafeRawBufferPointer(start: frame.bytes, count: Int(frame.capturedLength)))
    wireLength = frame.wireLength
    nanoseconds = frame.timestamp.nanoseconds
    linkType = frame.linkType
  }
}

/// What reading something to its end gave.
struct ReadResult: Equatable {
  var frames: [FrameCopy] = []
  var errors: [CaptureError] = []
  var byteOffset: UInt64 = 0
  var packetsRead: UInt64 = 0
}

/// Reads to the end, in bursts of `capacity`.
func readAll(_ reader: consuming CaptureReader, capacity: Int = 32) -> ReadResult {
  var result = ReadResult()
  withUnsafeTemporaryAllocation(of: CapturedFrame.self, capacity: capacity) { burst in
    while true {
      do throws(CaptureError) {
        let count = try reader.next(into: burst.baseAddress!, capacity: capacity)
        if count == 0 { break }
        for frame in burst[..<count] { result.frames.append(FrameCopy(frame)) }
      } catch {
        result.errors.append(error)
        // A second throw, or frames after one, would go on here.
        if result.errors.count > 1 { break }
      }
    }
  }
  result.byteOffset = reader.byteOffset
  result.packetsRead = reader.packetsRead
  return result
}

/// Reads bytes as a capture; an error of opening is in `errors`.
func readAll(_ bytes: [UInt8], capacity: Int = 32) -> ReadResult {
  bytes.withUnsafeBytes { buffer in
    do throws(CaptureError) {
      return readAll(try CaptureReader(bytes: buffer, name: "test"), capacity: capacity)
    } catch {
      return ReadResult(errors: [error])
    }
  }
}

/// Reads a merged trace to its end.
func readAll(_ reader: consuming TraceReader, capacity: Int = 32) -> ReadResult {
  var result = ReadResult()
  withUnsafeTemporaryAllocation(of: CapturedFrame.self, capacity: capacity) { burst in
    while true {
      let count = reader.next(into: burst.baseAddress!, capacity: capacity)
      if count == 0 { break }
      for frame in burst[..<count] { result.frames.append(FrameCopy(frame)) }
    }
  }
  result.errors = reader.problems
  result.byteOffset = reader.byteOffset
  result.packetsRead = reader.packetsRead
  return result
}

/// A folder that goes away with the value.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("packetio-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  func write(_ bytes: [UInt8], _ name: String) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
    return path(name)
  }
}
