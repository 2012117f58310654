// Unsafe: hands out pointers into memory it owns. Invariant: `elements` has room for `capacity + 1` elements for the
// slab's life; only indices that `allocate` returned and `free` has not taken back may be used.
import CMachine

/// A fixed number of equal records in one reserved area, named by index 1...`capacity`; index 0 means none.
///
/// Free elements form a last-in, first-out list through their own first four bytes, so that the next one given out is
/// likely to be in the cache. An element never given out before reads zero; a reused one holds what its last owner left,
/// except for the first four bytes. A generation kept elsewhere in the record hence survives reuse.
@frozen
public struct Slab<Element: BitwiseCopyable>: ~Copyable {
  @usableFromInline let elements: UnsafeMutablePointer<Element>
  @usableFromInline var firstFree: UInt32
  @usableFromInline var neverUsed: UInt32
  @usableFromInline let last: UInt32
  @usableFromInline var used: UInt32
  @usableFromInline let memory: ReservedMemory

  /// A slab of at most `capacity` elements (1 to 2^32 - 2). Takes address space only; pages follow on first use.
  /// `Element` occupies at least four bytes.
  public init(capacity: Int) {
    precondition(capacity >= 1 && capacity < Int(UInt32.max), "a slab holds 1 to 2^32 - 2 elements")
    precondition(MemoryLayout<Element>.stride >= 4, "the free list needs four bytes of an element")
    precondition(MemoryLayout<Element>.alignment <= 4096)
    memory = ReservedMemory(byteCount: (capacity + 1) * MemoryLayout<Element>.stride)
    elements = memory.base.bindMemory(to: Element.self, capacity: capacity + 1)
    firstFree = 0
    neverUsed = 1
    last = UInt32(capacity)
    used = 0
  }

  /// Elements given out and not yet freed.
  @inlinable public var count: Int { Int(used) }

  /// The largest number of elements, which is also the largest index.
  @inlinable public var capacity: Int { Int(last) }

  /// Takes an element; its contents are what the type's description says. Returns 0 when all are in use.
  @inlinable @inline(__always) public mutating func allocate() -> UInt32 {
    let index = firstFree
    if index != 0 {
      firstFree = UnsafeRawPointer(pointer(index)).loadUnaligned(as: UInt32.self)
      used &+= 1
      return index
    }
    guard neverUsed <= last else { return 0 }
    let fresh = neverUsed
    neverUsed &+= 1
    used &+= 1
    return fresh
  }

  /// Gives back an element that `allocate` returned; freeing one twice corrupts the slab.
  @inlinable public mutating func free(_ index: UInt32) {
    assert(used > 0)
    UnsafeMutableRawPointer(pointer(index)).storeBytes(of: firstFree, as: UInt32.self)
    firstFree = index
    used &-= 1
  }

  /// The element's address, valid while the slab lives. `index` is one in use; checked in debug builds only, and there
  /// only for its range.
  @inlinable public func pointer(_ index: UInt32) -> UnsafeMutablePointer<Element> {
    assert(index >= 1 && index < neverUsed, "an index that was never given out")
    return elements + Int(index)
  }

  /// Where element 0 would be: `base + index` is `pointer(index)`, for closures that cannot borrow the slab.
  @inlinable public var base: UnsafeMutablePointer<Element> { elements }

  /// Asks the cache for all lines of the element. Any index may be given; 0 and stale ones do no harm.
  @inlinable public func prefetch(_ index: UInt32) {
    let address = UnsafeRawPointer(elements + Int(index))
    var offset = 0
    while offset < MemoryLayout<Element>.stride {
      mos_prefetch(address + offset)
      offset &+= 64
    }
  }
}
