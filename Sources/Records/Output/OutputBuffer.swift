// Unsafe code: `base` points to `capacity` bytes that this struct allocated and owns; the first `count` of them, never
// more than `capacity`, are initialised.

import MOSCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file of records, or standard output, behind a buffer of fixed size.
///
/// The first write that fails is remembered in `error`; what comes later is dropped, so that a full disk or a closed
/// pipe does not stop the replay. The caller reports `error` at the end. The process must ignore SIGPIPE.
public struct OutputBuffer: ~Copyable, @unchecked Sendable {
  private let base: UnsafeMutablePointer<UInt8>
  private let capacity: Int
  /// From so many bytes on, copying them costs more than a call of the system.
  private let directSize: Int
  private var count = 0
  private var descriptor: Int32
  private let ownsDescriptor: Bool
  private var recordsWritten: UInt64 = 0
  private var headerLines: UInt64
  /// The file, as the user named it; `-` for standard output.
  public let path: String
  /// It goes on behind what was in the file when it was opened.
  public private(set) var hasContent = false
  /// The first failure, if there was one.
  public private(set) var error: OutputError?

  /// Opens `path` for writing and empties it if it exists, unless it `appends`: then it goes on at the file's end, on a new line;
  /// `-` is standard output. `capacity` is the buffer's size in bytes. `headerLines` is how many lines at the start are not
  /// records. Throws what `open` failed with.
  public init(
    path: String, capacity: Int = 256 * 1024, headerLines: Int = 0, appends: Bool = false
  ) throws(OutputError) {
    var descriptor: Int32 = 1
    if path != "-" {
      repeat {
        // Reading is for the last byte.
        let mode = appends ? O_RDWR | O_APPEND : O_WRONLY | O_TRUNC
        descriptor = open(path, mode | O_CREAT | O_CLOEXEC, 0o644)
      } while descriptor < 0 && errno == EINTR
      if descriptor < 0 { throw OutputError(path: path, operation: .open, code: errno) }
    }
    self.init(
      descriptor: descriptor, path: path, ownsDescriptor: path != "-", capacity: capacity, headerLines: headerLines)
    if appends, path != "-" { endLastLine() }
  }

  /// Who wrote the file before may have been ended in the middle of a line.
  private mutating func endLastLine() {
    let size = lseek(descriptor, 0, SEEK_END)
    guard size > 0 else { return }
    hasContent = true
    headerLines = 0
    var byte: UInt8 = 0
    guard pread(descriptor, &byte, 1, size - 1) == 1, byte != UInt8(ascii: "\n") else { return }
    byte = UInt8(ascii: "\n")
    withUnsafeBytes(of: &byte) { write($0) }
  }

  /// An output to an open file descriptor, which is closed with the output if `ownsDescriptor`.
  public init(
    descriptor: Int32, path: String, ownsDescriptor: Bool, capacity: Int = 256 * 1024, headerLines: Int = 0
  ) {
    self.descriptor = descriptor
    self.path = path
    self.ownsDescriptor = ownsDescriptor
    self.capacity = max(capacity, 1)
    directSize = min(self.capacity, 16 * 1024)
    self.headerLines = UInt64(headerLines)
    base = .allocate(capacity: self.capacity)
  }

  deinit {
    base.deallocate()
    if ownsDescriptor && descriptor >= 0 { _ = close(descriptor) }
  }

  /// Writes what `text` holds and empties it.
  public mutating func write(_ text: inout RecordText) {
    write(text.bytes)
    text.removeAll()
  }

  /// Writes bytes: whole records, each ending with a line feed, or parts of them.
  public mutating func write(_ bytes: UnsafeRawBufferPointer) {
    guard error == nil, let start = bytes.baseAddress, !bytes.isEmpty else { return }
    if bytes.count >= directSize {
      flush()
      writeThrough(bytes)
      return
    }
    if capacity &- count < bytes.count {
      flush()
      if error != nil { return }
    }
    UnsafeMutableRawPointer(base.advanced(by: count)).copyMemory(from: start, byteCount: bytes.count)
    count &+= bytes.count
  }

  /// Hands everything to the system.
  public mutating func flush() {
    if count > 0 { writeThrough(UnsafeRawBufferPointer(start: base, count: count)) }
    count = 0
  }

  /// Flushes, and closes the file; a failure that the system only now reports is remembered too. What is written later
  /// is dropped.
  public mutating func finish() {
    flush()
    guard ownsDescriptor, descriptor >= 0 else { return }
    // Not repeated after EINTR: on Linux the descriptor is gone even then.
    let result = close(descriptor)
    let code = errno
    descriptor = -1
    if result != 0 && code != EINTR { fail(code) }
  }

  /// Whether `path` leads to another file than the one that is written, or to none: it was moved away.
  public var isMoved: Bool {
    guard ownsDescriptor, descriptor >= 0 else { return false }
    var own = stat()
    var named = stat()
    guard fstat(descriptor, &own) == 0 else { return false }
    return stat(path, &named) != 0 || own.st_dev != named.st_dev || own.st_ino != named.st_ino
  }

  /// Goes on in the file that `path` leads to now, at its end, which is made if there is none; what is in the buffer, and then
  /// `footer`, still go to the old one. The new one begins with `header`, of as many lines as that of the old one. A failure
  /// before is forgotten. Standard output stays as it is. Throws, with everything as it was, what `open` failed with.
  public mutating func reopen(
    footer: borrowing RecordText, header: borrowing RecordText, headerLines: Int = 0
  ) throws(OutputError) {
    guard ownsDescriptor else { return }
    var new: Int32
    repeat {
      new = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    } while new < 0 && errno == EINTR
    if new < 0 { throw OutputError(path: path, operation: .open, code: errno) }
    write(footer.bytes)
    finish()
    descriptor = new
    error = nil
    count = 0
    recordsWritten = 0
    self.headerLines = UInt64(headerLines)
    write(header.bytes)
  }

  private mutating func writeThrough(_ bytes: UnsafeRawBufferPointer) {
    guard error == nil else { return }
    var done = 0
    while done < bytes.count {
      let result = systemWrite(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if result > 0 {
        countRecords(in: UnsafeRawBufferPointer(rebasing: bytes[done..<done + result]))
        done += result
      } else if result < 0 && (errno == EINTR || (errno == EAGAIN && waitUntilWritable(descriptor))) {
        continue
      } else {
        fail(result == 0 ? EIO : errno)
        return
      }
    }
  }

  private mutating func countRecords(in bytes: UnsafeRawBufferPointer) {
    var lines: UInt64 = 0
    var rest = bytes
    while let start = rest.baseAddress, let found = memchr(start, Int32(UInt8(ascii: "\n")), rest.count) {
      lines &+= 1
      rest = UnsafeRawBufferPointer(rebasing: rest[(UnsafeRawPointer(found) - start + 1)...])
    }
    let header = min(lines, headerLines)
    headerLines -= header
    recordsWritten &+= lines &- header
  }

  private mutating func fail(_ code: Int32) {
    if error == nil { error = OutputError(path: path, operation: .write(records: recordsWritten), code: code) }
  }
}

private func systemWrite(_ descriptor: Int32, _ start: UnsafeRawPointer, _ count: Int) -> Int {
  write(descriptor, start, count)
}

/// Waits until a descriptor that somebody made non-blocking takes bytes again; false when polling fails.
private func waitUntilWritable(_ descriptor: Int32) -> Bool {
  var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
  let result = poll(&request, 1, -1)
  return result > 0 || errno == EINTR
}
