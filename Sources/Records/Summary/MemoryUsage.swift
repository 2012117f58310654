#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The process's memory.
public enum MemoryUsage {
  /// Anonymous resident memory in bytes: `RssAnon` of `/proc/self/status`, without mapped files; 0 where the system does
  /// not tell. A few microseconds: for once in a while, not for each packet.
  public static var anonymousBytes: UInt64 {
    let descriptor = open("/proc/self/status", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return 0 }
    defer { _ = close(descriptor) }
    return withUnsafeTemporaryAllocation(byteCount: 8192, alignment: 1) { buffer in
      let count = read(descriptor, buffer.baseAddress!, buffer.count)
      return count > 0 ? kilobytes(of: "RssAnon:", in: UnsafeRawBufferPointer(rebasing: buffer[..<count])) * 1024 : 0
    }
  }

  /// The number that follows `name` at the start of a line; 0 where there is none.
  static func kilobytes(of name: String, in status: UnsafeRawBufferPointer) -> UInt64 {
    for line in status.split(separator: UInt8(ascii: "\n")) where line.starts(with: name.utf8) {
      return line.dropFirst(name.utf8.count).filter { $0 >= 0x30 && $0 <= 0x39 }.reduce(0) { value, digit in
        value &* 10 &+ UInt64(digit &- 0x30)
      }
    }
    return 0
  }
}
