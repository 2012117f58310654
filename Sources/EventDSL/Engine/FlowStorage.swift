// Unsafe: owns a reserved area of blocks of equal size. Invariant: block `index` for index 1...`capacity` lies in
// it; a block that is in use has its bits, and an initialised value of each declared key.
import MOSCore

/// The storage of flows: for each flow that was written to, a block with its subscriptions and the values of all
/// `FlowLocal` keys. Blocks are taken at the first write and given back when the flow is released.
struct FlowStorage: ~Copyable {
  /// Where blocks lie.
  let blocks: StorageBlocks
  private let memory: ReservedMemory
  private let capacity: UInt32
  private var firstFree: UInt32 = 0
  private var neverUsed: UInt32 = 1
  /// What a block is when it is taken.
  private let template: UnsafeMutableRawPointer
  private let managed: [Registry.Local]
  private let valuesOffset: Int
  private let words: Int

  /// Storage for up to `capacity` flows. `bits` is what flows listen to at first.
  init(_ registry: Registry, bits: [UInt64], capacity: Int) {
    words = bits.count
    valuesOffset = FlowStorage.valuesOffset(
      words: bits.count, boxes: registry.boxes.count, alignment: registry.localAlignment)
    let alignment = registry.localAlignment
    let stride = (valuesOffset + registry.localBytes + alignment - 1) / alignment * alignment
    memory = ReservedMemory(byteCount: (capacity + 1) * stride)
    blocks = StorageBlocks(base: memory.base, stride: stride)
    self.capacity = UInt32(capacity)
    template = .allocate(byteCount: stride, alignment: alignment)
    template.initializeMemory(as: UInt8.self, repeating: 0, count: stride)
    for (word, value) in bits.enumerated() { template.storeBytes(of: value, toByteOffset: word * 8, as: UInt64.self) }
    for local in registry.locals where local.destroy == nil { local.initialize(template + valuesOffset + local.offset) }
    managed = registry.locals.filter { $0.destroy != nil }
  }

  deinit {
    destroyValues()
    template.deallocate()
  }

  /// Destroys the values of all blocks that are in use.
  private func destroyValues() {
    if managed.isEmpty { return }
    var isFree = [Bool](repeating: false, count: Int(neverUsed))
    var index = firstFree
    while index != 0 {
      isFree[Int(index)] = true
      index = blocks[index].load(as: UInt32.self)
    }
    for index in 1..<max(1, neverUsed) where !isFree[Int(index)] {
      for local in managed { local.destroy?(blocks[index] + valuesOffset + local.offset) }
    }
  }

  /// Whether blocks have values that must be destroyed.
  var hasManagedValues: Bool { !managed.isEmpty }

  /// Where values begin in a block with `words` words of subscriptions and the wishes of `boxes` middleboxes.
  static func valuesOffset(words: Int, boxes: Int, alignment: Int) -> Int {
    (words * 8 + 16 + boxes * 2 * MemoryLayout<SideWish>.stride + alignment - 1) / alignment * alignment
  }

  /// The place in a block for the index of what was changed in the flow's streams.
  func editsPlace(_ index: UInt32) -> UnsafeMutablePointer<UInt32> {
    (blocks[index] + words * 8).assumingMemoryBound(to: UInt32.self)
  }

  /// The place in a block for the index of what is held of the flow's packets.
  func heldPlace(_ index: UInt32) -> UnsafeMutablePointer<UInt32> {
    (blocks[index] + words * 8 + 8).assumingMemoryBound(to: UInt32.self)
  }

  /// The place in a block for the index of what segments are made from.
  func templatePlace(_ index: UInt32) -> UnsafeMutablePointer<UInt32> {
    (blocks[index] + words * 8 + 12).assumingMemoryBound(to: UInt32.self)
  }

  /// The place in a block that says whether a middlebox has a wish.
  func wishMark(_ index: UInt32) -> UnsafeMutablePointer<Bool> {
    (blocks[index] + words * 8 + 4).assumingMemoryBound(to: Bool.self)
  }

  /// The place in a block for what a middlebox wants of a side.
  func wish(_ index: UInt32, _ box: Int, _ side: Side) -> UnsafeMutablePointer<SideWish> {
    (blocks[index] + words * 8 + 16).assumingMemoryBound(to: SideWish.self) + (box * 2 + Int(side.rawValue))
  }

  /// Takes a block, 0 when there is none.
  mutating func allocate() -> UInt32 {
    var index = firstFree
    if index != 0 {
      firstFree = blocks[index].load(as: UInt32.self)
    } else {
      guard neverUsed <= capacity else { return 0 }
      index = neverUsed
      neverUsed &+= 1
    }
    let place = blocks[index]
    place.copyMemory(from: template, byteCount: blocks.stride)
    for local in managed { local.initialize(place + valuesOffset + local.offset) }
    return index
  }

  /// Gives a block back.
  mutating func free(_ index: UInt32) {
    let place = blocks[index]
    for local in managed { local.destroy?(place + valuesOffset + local.offset) }
    place.storeBytes(of: firstFree, as: UInt32.self)
    firstFree = index
  }
}

/// Where the blocks of flows' storage lie.
@frozen @usableFromInline
struct StorageBlocks: BitwiseCopyable {
  @usableFromInline let base: UnsafeMutableRawPointer
  @usableFromInline let stride: Int

  init(base: UnsafeMutableRawPointer, stride: Int) {
    self.base = base
    self.stride = stride
  }

  /// A block's first byte, where its subscriptions are.
  @inlinable @inline(__always)
  subscript(index: UInt32) -> UnsafeMutableRawPointer { base + Int(index) &* stride }
}
