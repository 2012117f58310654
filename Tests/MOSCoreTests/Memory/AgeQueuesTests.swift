import Testing

@testable import MOSCore

@Suite("Age queues")
struct AgeQueuesTests {
  /// A class's queue, from its head to its tail.
  private func members(of number: UInt8, in queues: borrowing AgeQueues) -> [UInt32] {
    var result: [UInt32] = []
    var index = queues.oldest(class: number)
    while index != 0 {
      result.append(index)
      index = queues.next(index)
    }
    return result
  }

  @Test("each class is first in, first out; appending again moves to the tail")
  func order() {
    var queues = AgeQueues(capacity: 4, classes: 2)
    #expect(queues.oldest(class: 0) == 0 && members(of: 0, in: queues).isEmpty)
    for index in 1...UInt32(3) { queues.append(index, class: 0) }
    #expect(queues.oldest(class: 0) == 1)
    queues.append(1, class: 0)
    #expect(queues.oldest(class: 0) == 2)
    queues.append(2, class: 1)
    #expect(queues.oldest(class: 0) == 3 && queues.oldest(class: 1) == 2)
    #expect(members(of: 0, in: queues) == [3, 1] && members(of: 1, in: queues) == [2])
    queues.remove(3)
    queues.remove(3)
    queues.remove(4)
    #expect(queues.oldest(class: 0) == 1 && members(of: 0, in: queues) == [1])
    #expect(queues.contains(1) && !queues.contains(3))
    queues.remove(1)
    #expect(queues.oldest(class: 0) == 0 && members(of: 0, in: queues).isEmpty)
  }

  @Test("answers as arrays do", arguments: [1, 256])
  func againstModel(classes: Int) {
    var generator = SeededGenerator(seed: UInt64(classes))
    var queues = AgeQueues(capacity: 300, classes: classes)
    var model = [[UInt32]](repeating: [], count: classes)
    var wrong = 0
    for _ in 0..<20_000 {
      let index = UInt32.random(in: 1...300, using: &generator)
      let number = Int.random(in: 0..<classes, using: &generator)
      switch Int.random(in: 0..<10, using: &generator) {
      case 0..<6:
        for place in model.indices { model[place].removeAll { $0 == index } }
        model[number].append(index)
        queues.append(index, class: UInt8(number))
      case 6..<8:
        for place in model.indices { model[place].removeAll { $0 == index } }
        queues.remove(index)
      default:
        let oldest = queues.oldest(class: UInt8(number))
        if oldest != model[number].first ?? 0 { wrong += 1 }
        if oldest != 0 {
          queues.remove(oldest)
          model[number].removeFirst()
        }
      }
      if members(of: UInt8(number), in: queues) != model[number] { wrong += 1 }
    }
    #expect(wrong == 0)
  }
}
