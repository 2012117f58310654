import PacketIO

/// Which core each thread of a bridge is bound to; nil where the system places it.
struct InlineCores {
  private let available: [Int]
  private let distributes: Bool
  /// There are more threads than cores: the system places them, and those that wait give their core away.
  let sharesCore: Bool

  /// Cores for so many workers, and for a distributor before them if one `distributes`.
  init(workers: Int, distributes: Bool, available: [Int] = DPDK.cores) {
    self.available = available
    self.distributes = distributes
    sharesCore = distributes && workers + 1 > available.count
  }

  /// The core of a worker.
  func worker(_ number: Int) -> Int? { core(distributes ? number + 1 : number) }

  /// The core of whoever has a queue of the devices: a worker, or the distributor.
  func queue(_ number: Int) -> Int? { core(number) }

  private func core(_ number: Int) -> Int? {
    sharesCore || available.isEmpty ? nil : available[number % available.count]
  }
}
