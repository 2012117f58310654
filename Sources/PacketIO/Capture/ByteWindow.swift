import Glibc

/// The bytes of a capture that can be read now: all of a mapped file or of a buffer, or a moving part of a stream.
///
/// Invariant: `origin <= cursor <= end`, and all bytes in between are readable until the next `refill`, which alone
/// moves or frees them, and only for a stream. `originOffset` is the place of `origin` in the capture.
struct ByteWindow: ~Copyable {
  static let standardInputName = "standard input"

  private enum Backing: BitwiseCopyable {
    case borrowed
    case mapped(length: Int)
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
  /// How far `touchAhead` has brought bytes into the cache; `end` where there is nothing to bring.
  private var touched: UnsafeRawPointer
  /// How far the pages are known to be there.
  private var populated: UnsafeRawPointer
  private var burstLength = 16 * 1024
  private var touchedSum: UInt8 = 0

  /// A window over borrowed memory, which must outlive it.
  init(borrowing bytes: UnsafeRawBufferPointer) {
    // An empty buffer may have no address; any will do for no bytes.
    origin = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 16)!
    cursor = origin
    end = origin + bytes.count
    touched = end
    populated = end
    backing = .borrowed
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
    if status.st_mode & S_IFMT == S_IFREG, status.st_size > 0,
      !isStandardInput || lseek(descriptor, 0, SEEK_CUR) == 0,
      let memory = mmap(nil, status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0), memory != MAP_FAILED
    {
      if !isStandardInput { close(descriptor) }
      madvise(memory, status.st_size, MADV_SEQUENTIAL)
      origin = UnsafeRawPointer(memory)
      end = origin + status.st_size
      backing = .mapped(length: status.st_size)
      touched = origin
      populated = origin
    } else {
      let capacity = Self.streamCapacity
      origin = UnsafeRawPointer(UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64))
      end = origin
      backing = .stream(descriptor: descriptor, isOwned: !isStandardInput, capacity: capacity)
      touched = end
      populated = end
    }
    cursor = origin
  }

  deinit {
    switch backing {
    case .borrowed: break
    case .mapped(let length): munmap(UnsafeMutableRawPointer(mutating: origin), length)
    case .stream(let descriptor, let isOwned, _):
      origin.deallocate()
      if isOwned { close(descriptor) }
    }
  }

  /// Small enough for the second-level cache, so that what is read is still there when it is looked at.
  private static var streamCapacity: Int { 256 * 1024 }
  private static var populateStep: Int { 2 * 1024 * 1024 }

  /// Bytes from `cursor` to `end`.
  var available: Int { end - cursor }

  /// The place of `cursor` in the capture.
  var offset: UInt64 { originOffset &+ UInt64(cursor - origin) }

  /// The capture's length, where it is known.
  var length: UInt64? {
    switch backing {
    case .borrowed: UInt64(end - origin)
    case .mapped(let length): UInt64(length)
    case .stream: nil
    }
  }

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

  /// Brings about as many bytes as the last burst had into the cache.
  ///
  /// Record headers are a chain: each says where the next one is, and the gaps defeat the hardware's prefetcher. Reading
  /// a line each in order first costs a fifth of the misses that following the chain does.
  @inline(__always)
  mutating func touchAhead() {
    if touched < end { touchMapped() }
  }

  @inline(never)
  private mutating func touchMapped() {
    if touched < cursor { touched = cursor }
    let ahead = burstLength &+ burstLength / 2
    while populated < end, populated - cursor < ahead { populate() }
    let limit = cursor + min(end - cursor, ahead)
    var sum: UInt8 = 0
    var line = touched
    while limit - line >= 256 {
      sum ^= line.load(as: UInt8.self) ^ line.load(fromByteOffset: 64, as: UInt8.self)
      sum ^= line.load(fromByteOffset: 128, as: UInt8.self) ^ line.load(fromByteOffset: 192, as: UInt8.self)
      line += 256
    }
    // Kept, so that the loads are not optimised away.
    touchedSum ^= sum
    touched = line
  }

  /// Remembers how long a burst was that began at `start`, for the next `touchAhead`.
  @inline(__always)
  mutating func noteBurst(from start: UnsafeRawPointer) {
    burstLength = min(cursor - start, 64 * 1024)
  }

  /// Maps the next pages. Unlike an access, this fails softly when somebody has cut the file short since it was opened;
  /// the window then ends there. A cut below what is mapped so still ends the process with SIGBUS.
  private mutating func populate() {
    let step = min(Self.populateStep, end - populated)
    if madvise(UnsafeMutableRawPointer(mutating: populated), step, MADV_POPULATE_READ) != 0, errno == EFAULT {
      end = populated > cursor ? populated : cursor
    } else {
      populated += step
    }
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
    touched = end
    populated = end
    return result
  }
}
