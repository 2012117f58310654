import Glibc

/// The bytes of a capture that can be read now: all of a buffer, or a moving part of a file or stream.
///
/// A file is read like a stream, and not mapped: whoever cuts a mapped file short, or a disk that fails, ends the process
/// with SIGBUS; and to have the pages mapped costs more than to have their bytes copied into the cache.
///
/// Invariant: `origin <= cursor <= end`, and all bytes in between are readable until the next `refill`, which alone
/// moves or frees them, and never those of a buffer. `originOffset` is the place of `origin` in the capture.
struct ByteWindow: ~Copyable {
  static let standardInputName = "standard input"

  private enum Backing: BitwiseCopyable {
    case borrowed
    case stream(descriptor: Int32, isOwned: Bool, capacity: Int)
  }

  /// What `refill` came to.
  enum Refill {
    case ready
    case atEnd
    case failed(Int32)
  }

  private(set) var cursor: UnsafeRawPointer
  private(set) var end: UnsafeRawPointer
  private var origin: UnsafeRawPointer
  private var originOffset: UInt64 = 0
  private var backing: Backing
  /// The capture's length, where it is known: for a file as it was when it was opened.
  let length: UInt64?

  /// A window over borrowed memory, which must outlive it.
  init(borrowing bytes: UnsafeRawBufferPointer) {
    // An empty buffer may have no address; any will do for no bytes.
    origin = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 16)!
    cursor = origin
    end = origin + bytes.count
    backing = .borrowed
    length = UInt64(bytes.count)
  }

  /// Opens a file, pipe or device; `-` is standard input.
  init(path: String) throws(CaptureError) {
    let isStandardInput = path == "-"
    let name = isStandardInput ? Self.standardInputName : path
    let descriptor = isStandardInput ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
    if descriptor < 0 { throw .system(errno, file: name) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let number = errno
      if !isStandardInput { close(descriptor) }
      throw .system(number, file: name)
    }
    if status.st_mode & S_IFMT == S_IFDIR {
      if !isStandardInput { close(descriptor) }
      throw CaptureError(kind: .cannotOpen, file: name, reason: "is a directory")
    }
    // Standard input may be a file that somebody has read a part of.
    let isFile = status.st_mode & S_IFMT == S_IFREG && (!isStandardInput || lseek(descriptor, 0, SEEK_CUR) == 0)
    if isFile { posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL) }
    length = isFile ? UInt64(status.st_size) : nil
    origin = UnsafeRawPointer(UnsafeMutableRawPointer.allocate(byteCount: Self.streamCapacity, alignment: 64))
    cursor = origin
    end = origin
    backing = .stream(descriptor: descriptor, isOwned: !isStandardInput, capacity: Self.streamCapacity)
  }

  deinit {
    if case .stream(let descriptor, let isOwned, _) = backing {
      origin.deallocate()
      if isOwned { close(descriptor) }
    }
  }

  /// Small enough for the second-level cache, so that what is read is still there when it is looked at.
  private static var streamCapacity: Int { 128 * 1024 }

  /// Bytes from `cursor` to `end`.
  var available: Int { end - cursor }

  /// The place of `cursor` in the capture.
  var offset: UInt64 { originOffset &+ UInt64(cursor - origin) }

  /// Whether a `refill` leaves pointers into the window valid.
  var isStable: Bool {
    if case .stream = backing { return false }
    return true
  }

  /// Moves on; `position` must lie in `cursor...end`.
  @inline(__always)
  mutating func advance(to position: UnsafeRawPointer) {
    cursor = position
  }

  /// Waits until at least `count` bytes are available. Bytes before `cursor`, and pointers to any, are given up.
  mutating func refill(atLeast count: Int) -> Refill {
    guard case .stream(let descriptor, let isOwned, var capacity) = backing else {
      return available >= count ? .ready : .atEnd
    }
    var held = available
    if count > capacity {
      capacity = count &+ Self.streamCapacity
      let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64)
      larger.copyMemory(from: cursor, byteCount: held)
      originOffset &+= UInt64(cursor - origin)
      origin.deallocate()
      origin = UnsafeRawPointer(larger)
      backing = .stream(descriptor: descriptor, isOwned: isOwned, capacity: capacity)
    } else if cursor > origin {
      memmove(UnsafeMutableRawPointer(mutating: origin), cursor, held)
      originOffset &+= UInt64(cursor - origin)
    }
    cursor = origin
    var result = Refill.ready
    while held < count {
      let received = read(descriptor, UnsafeMutableRawPointer(mutating: origin) + held, capacity &- held)
      if received > 0 {
        held &+= received
      } else if received == 0 {
        result = .atEnd
        break
      } else if errno != EINTR {
        result = .failed(errno)
        break
      }
    }
    end = origin + held
    return result
  }
}
