import Testing

@testable import MOSCore

@Suite("Age queues")
struct AgeQueuesTests {
  @Test("each class is first in, first out; appending again moves to the tail")
  func order() {
    var queues = AgeQueues(capacity: 4, classes: 2)
    #expect(queues.oldest(class: 0) == 0 && queues.count(class: 0) == 0)
    for index in 1...UInt32(3) { queues.append(index, class: 0) }
    #expect(queues.oldest(class: 0) == 1)
    queues.append(1, class: 0)
    #expect(queues.oldest(class: 0) == 2)
    queues.append(2, class: 1)
    #expect(queues.oldest(class: 0) == 3 && queues.oldest(class: 1) == 2)
    #expect(queues.count(class: 0) == 2 && queues.count(class: 1) == 1)
    queues.remove(3)
    queues.remove(3)
    queues.remove(4)
    #expect(queues.oldest(class: 0) == 1 && queues.count(class: 0) == 1)
    #expect(queues.contains(1) && !queues.contains(3))
    queues.remove(1)
    #expect(queues.oldest(class: 0) == 0 && queues.count(class: 0) == 0)
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
      if queues.count(class: UInt8(number)) != model[number].count { wrong += 1 }
    }
    #expect(wrong == 0)
  }
}
