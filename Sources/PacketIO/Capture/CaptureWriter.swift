import Glibc
import MOSCore

/// Writes a pcap file with nanosecond time stamps, in the host's byte order.
///
/// Invariant: `buffer` holds `capacity` bytes, the first `held` of them not yet written.
public struct CaptureWriter: ~Copyable {
  /// The name that errors carry.
  public let file: String
  /// Frames taken so far.
  public private(set) var packetsWritten: UInt64 = 0
  /// What the file's frames begin with, which is in its header; nil until it is known.
  private var linkType: LinkType?
  private let snapLength: UInt32
  private let descriptor: Int32
  private let isOwned: Bool
  private let buffer: UnsafeMutableRawPointer
  private var held = 0
  private static var capacity: Int { 256 * 1024 }

  /// Creates the file at `path`, or empties it; `-` is standard output. Without a link type it is that of the first frame
  /// that is written, Ethernet when there is none. Throws when the file cannot be created.
  public init(path: String, linkType: LinkType? = nil, snapLength: UInt32 = 262_144) throws(CaptureError) {
    isOwned = path != "-"
    file = isOwned ? path : "standard output"
    descriptor = isOwned ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666) : STDOUT_FILENO
    if descriptor < 0 { throw .system(errno, file: file) }
    buffer = .allocate(byteCount: Self.capacity, alignment: 16)
    self.snapLength = snapLength
    if let linkType { appendHeader(linkType) }
  }

  private mutating func appendHeader(_ linkType: LinkType) {
    self.linkType = linkType
    append(0xa1b2_3c4d as UInt32)
    append(2 as UInt16)
    append(4 as UInt16)
    append(0 as UInt64)
    append(snapLength)
    append(linkType.rawValue)
  }

  deinit {
    buffer.deallocate()
    if isOwned { Glibc.close(descriptor) }
  }

  /// Appends one frame of the file's link type. A time that pcap cannot hold (before 1970 or after 2106) becomes the nearest
  /// that it can.
  ///
  /// Throws when the file cannot be written, for example on a full disk; the file is then incomplete.
  public mutating func write(
    _ bytes: UnsafeRawPointer, capturedLength: UInt32, wireLength: UInt32, timestamp: Timestamp
  ) throws(CaptureError) {
    if linkType == nil { appendHeader(.ethernet) }
    if Self.capacity - held < 16 { try flush() }
    let nanoseconds = max(timestamp.nanoseconds, 0)
    append(UInt32(clamping: nanoseconds / 1_000_000_000))
    append(UInt32(truncatingIfNeeded: nanoseconds % 1_000_000_000))
    append(capturedLength)
    append(wireLength)
    let length = Int(capturedLength)
    if Self.capacity - held < length { try flush() }
    if length > Self.capacity {
      try writeAll(bytes, count: length)
    } else {
      (buffer + held).copyMemory(from: bytes, byteCount: length)
      held += length
    }
    packetsWritten &+= 1
  }

  /// Appends a frame as a reader gave it. Throws also when its link type is another than the file's.
  public mutating func write(_ frame: CapturedFrame) throws(CaptureError) {
    if linkType == nil { appendHeader(frame.linkType) }
    if let linkType, linkType != frame.linkType {
      let names = [linkType, frame.linkType].map { LinkType.name(of: $0.rawValue) }
      throw CaptureError(
        kind: .unsupportedLinkType, file: file,
        reason: "a pcap file has frames of one link type: after \(names[0]) comes \(names[1])",
        remedy: "write those of each to a file of its own")
    }
    try write(
      frame.bytes, capturedLength: frame.capturedLength, wireLength: frame.wireLength, timestamp: frame.timestamp)
  }

  /// Hands everything to the operating system. Throws as `write` does.
  public mutating func flush() throws(CaptureError) {
    if linkType == nil { appendHeader(.ethernet) }
    let count = held
    held = 0
    try writeAll(buffer, count: count)
  }

  /// Writes what is left and closes the file. Without this, up to 256 KiB are lost.
  public consuming func close() throws(CaptureError) {
    try flush()
  }

  private func writeAll(_ bytes: UnsafeRawPointer, count: Int) throws(CaptureError) {
    var written = 0
    while written < count {
      let result = Glibc.write(descriptor, bytes + written, count - written)
      if result >= 0 {
        written += result
      } else if errno != EINTR {
        throw .system(errno, file: file, kind: .inputOutput, doing: "writing: ")
      }
    }
  }

  private mutating func append<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
    (buffer + held).storeBytes(of: value, as: Value.self)
    held += MemoryLayout<Value>.size
  }
}
