import Testing

@testable import mos

@Suite("Cores of a bridge's threads")
struct InlineCoresTests {
  @Test("workers with queues of their own have a core each, round and round, and so have their queues")
  func workers() {
    let cores = InlineCores(workers: 4, distributes: false, available: [3, 5, 8])
    #expect((0..<4).map { cores.worker($0) } == [3, 5, 8, 3])
    #expect((0..<4).map { cores.queue($0) } == [3, 5, 8, 3])
    #expect(!cores.sharesCore)
  }

  @Test("a distributor has the first core, and the queues, where there is a core for each thread")
  func distributor() {
    let cores = InlineCores(workers: 2, distributes: true, available: [3, 5, 8])
    #expect(cores.queue(0) == 3 && (0..<2).map { cores.worker($0) } == [5, 8] && !cores.sharesCore)
    let few = InlineCores(workers: 2, distributes: true, available: [3, 5])
    #expect(few.queue(0) == nil && (0..<2).map { few.worker($0) } == [nil, nil] && few.sharesCore)
  }

  @Test("where the system names no cores, it places the threads")
  func none() {
    let cores = InlineCores(workers: 1, distributes: false, available: [])
    #expect(cores.worker(0) == nil && cores.queue(0) == nil)
  }
}
