import Glibc
import Testing

@testable import MOSCore

@Suite("Slab")
struct SlabTests {
  private struct Record: BitwiseCopyable {
    var link: UInt64 = 0
    var generation: UInt64 = 0
    var rest: (UInt64, UInt64, UInt64) = (0, 0, 0)
  }

  @Test("gives every index once, then 0, and the last freed first")
  func order() {
    var slab = Slab<Record>(capacity: 3)
    var taken = [slab.allocate(), slab.allocate(), slab.allocate(), slab.allocate()]
    #expect(taken == [1, 2, 3, 0])
    #expect(slab.count == 3 && slab.capacity == 3)
    slab.free(1)
    slab.free(3)
    taken = [slab.allocate(), slab.allocate(), slab.allocate()]
    #expect(taken == [3, 1, 0])
    #expect(slab.count == 3)
  }

  @Test("live elements keep their contents; indices are those of a set", arguments: [1, 2, 3] as [UInt64])
  func againstModel(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var slab = Slab<Record>(capacity: 500)
    var model: [UInt32: UInt64] = [:]
    var wrong = 0
    for step in 0..<30_000 {
      if Int.random(in: 0..<100, using: &generator) < (step / 5000 % 2 == 0 ? 60 : 40) {
        let index = slab.allocate()
        if (index == 0) != (model.count == 500) || model[index] != nil { wrong += 1 }
        if index == 0 { continue }
        let value = generator.next()
        slab.pointer(index).pointee = Record(link: value, generation: value, rest: (value, value, value))
        model[index] = value
      } else if let (index, value) = model.randomElement(using: &generator) {
        let record = slab.pointer(index).pointee
        if record.link != value || record.rest.2 != value { wrong += 1 }
        slab.free(index)
        model[index] = nil
      }
      if slab.count != model.count { wrong += 1 }
    }
    #expect(wrong == 0)
  }

  @Test("a fresh element is zero; a reused one keeps all but its first four bytes")
  func contents() {
    var slab = Slab<Record>(capacity: 2)
    let index = slab.allocate()
    #expect(slab.pointer(index).pointee.generation == 0 && slab.pointer(index).pointee.link == 0)
    slab.pointer(index).pointee.link = .max
    slab.pointer(index).pointee.generation = 7
    slab.free(index)
    let again = slab.allocate()
    #expect(again == index)
    #expect(slab.pointer(again).pointee.generation == 7)
    #expect(slab.pointer(again).pointee.link >> 32 == 0xffff_ffff)
  }

  @Test("the smallest element is four bytes")
  func smallElements() {
    var slab = Slab<UInt32>(capacity: 1000)
    let indices = (0..<1000).map { _ in slab.allocate() }
    for index in indices { slab.free(index) }
    let again = (0..<1000).map { _ in slab.allocate() }
    #expect(again == indices.reversed())
  }

  private func residentBytes() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, 128, file) != nil else { return 0 }
    let fields = String(decoding: line.prefix { $0 > 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(
      separator: " ")
    return (Int(fields[1]) ?? 0) * 4096
  }

  @Test("a reservation of 64 GiB takes next to no real memory")
  func reservation() {
    let before = residentBytes()
    #expect(before > 0)
    var slab = Slab<Record>(capacity: (64 << 30) / MemoryLayout<Record>.stride)
    for _ in 0..<1000 { slab.pointer(slab.allocate()).pointee.link = 1 }
    slab.prefetch(0)
    slab.prefetch(UInt32(slab.capacity))
    // Other tests run meanwhile in this process, hence the wide margin.
    #expect(residentBytes() - before < 1 << 30)
  }

  @Test("discarded pages read zero, their neighbours stay")
  func discard() {
    let memory = ReservedMemory(byteCount: 3 * 4096)
    for page in 0..<3 { memory.base.storeBytes(of: 1, toByteOffset: page * 4096, as: UInt8.self) }
    memory.discard(offset: 4096, count: 4096)
    #expect((0..<3).map { memory.base.load(fromByteOffset: $0 * 4096, as: UInt8.self) } == [1, 0, 1])
  }
}
