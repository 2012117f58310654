// Unsafe: owns memory. Invariant: `elements` points to `count` initialised elements until `deinit`, and indices are below
// `count`, which is checked in debug builds only: they come from whoever built the table.

/// A fixed number of plain values, side by side, read without reference counting.
struct FlatTable<Element: BitwiseCopyable>: ~Copyable {
  private let elements: UnsafeMutablePointer<Element>
  let count: Int

  init(_ values: [Element]) {
    count = values.count
    elements = .allocate(capacity: max(count, 1))
    for (index, value) in values.enumerated() { (elements + index).initialize(to: value) }
  }

  deinit { elements.deallocate() }

  @inline(__always) subscript(index: Int) -> Element {
    get {
      assert(index >= 0 && index < count, "an index beyond the table")
      return elements[index]
    }
    set {
      assert(index >= 0 && index < count, "an index beyond the table")
      elements[index] = newValue
    }
  }
}
