// Unsafe: owns a mapping. Invariant: `base ..< base + byteCount` stays mapped, readable and writable from `init` to
// `deinit`, and whoever derives a pointer from `base` keeps the owner alive.
import Glibc

/// Address space of a fixed size, zero-filled, that takes real memory page by page as it is first written.
@frozen
public struct ReservedMemory: ~Copyable {
  /// The first byte; on a page boundary.
  public let base: UnsafeMutableRawPointer
  /// Usable bytes from `base`.
  public let byteCount: Int
  @usableFromInline let mapping: UnsafeMutableRawPointer
  @usableFromInline let mappingByteCount: Int

  /// Bytes in a huge page of x86-64 and of AArch64 with 4 KiB pages.
  public static var hugePageByteCount: Int { 2 << 20 }

  /// Bytes at the start of an area larger than 2 MiB that stay in small pages.
  static var smallPagesByteCount: Int { 256 << 10 }

  /// Reserves `byteCount` bytes (at least 1). Ends the process when the address space is not to be had, since that
  /// is a matter of configuration and happens at start only.
  ///
  /// The first 256 KiB stay in small pages, so that a little-used area costs no more than what it touches; beyond that
  /// huge pages are asked for: random access to large tables does not miss the TLB, and one fault serves for 512.
  public init(byteCount: Int) {
    precondition(byteCount > 0 && byteCount <= 1 << 46, "a reservation of 1 byte to 64 TiB")
    let huge = Self.hugePageByteCount
    let small = Self.smallPagesByteCount
    let wantsHuge = byteCount > huge
    let page = 4096
    let needed = (byteCount &+ page &- 1) & ~(page &- 1)
    let total = wantsHuge ? needed &+ small &+ huge : needed
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let start = mmap(nil, total, PROT_READ | PROT_WRITE, flags, -1, 0), start != MAP_FAILED else {
      fatalError("cannot reserve \(total) bytes of address space: errno \(errno)")
    }
    mapping = start
    mappingByteCount = total
    self.byteCount = byteCount
    if wantsHuge {
      let aligned = (UInt(bitPattern: start) &+ UInt(small) &+ UInt(huge) &- 1) & ~(UInt(huge) &- 1)
      base = UnsafeMutableRawPointer(bitPattern: aligned)! - small
      // Advice: where it is refused the pages stay small.
      _ = madvise(base + small, needed &- small, MADV_HUGEPAGE)
    } else {
      base = start
    }
  }

  deinit {
    munmap(mapping, mappingByteCount)
  }

  /// Gives the real memory behind whole pages back; they read zero afterwards. `offset` and `count` are multiples of
  /// 4096 within the area.
  public func discard(offset: Int, count: Int) {
    precondition(offset >= 0 && count >= 0 && offset <= byteCount && count <= byteCount &- offset)
    _ = madvise(base + offset, count, MADV_DONTNEED)
  }
}
