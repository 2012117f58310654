import Glibc

/// Reads a configuration file whole. A pipe or device is refused, since it could keep the reader waiting for ever.
enum ConfigurationFileBytes {
  /// At most `limit` bytes; of a larger file one more, so that it is seen to be larger.
  static func read(_ path: String, limit: Int = YAMLText.largestFile) throws(ConfigurationError) -> [UInt8] {
    func failure(_ number: Int32) -> ConfigurationError {
      ConfigurationError(file: path, reason: String(cString: strerror(number)))
    }
    // open would take only what is before a zero byte.
    if path.utf8.contains(0) { throw failure(ENOENT) }
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    if descriptor < 0 { throw failure(errno) }
    defer { close(descriptor) }
    var status = stat()
    if fstat(descriptor, &status) != 0 { throw failure(errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw ConfigurationError(file: path, reason: "is no regular file") }

    var bytes = [UInt8](repeating: 0, count: min(limit, max(Int(status.st_size), 4095)) + 1)
    var length = 0
    while true {
      if length == bytes.count {
        // The file grew while it was read.
        if length > limit { break }
        bytes += [UInt8](repeating: 0, count: min(length, limit + 1 - length))
      }
      let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + length, $0.count - length) }
      if count == 0 { break }
      if count < 0 {
        if errno == EINTR { continue }
        throw failure(errno)
      }
      length += count
    }
    bytes.removeLast(bytes.count - length)
    return bytes
  }
}
