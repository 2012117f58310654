/// The input is a script of `KeptStreamScript`, which compares streams with their models.
let keptTarget = Target(
  name: "kept",
  run: { data, size in
    if let difference = KeptStreamScript.play(UnsafeRawBufferPointer(start: data, count: size)) {
      fatalError(difference)
    }
    return 0
  },
  seeds: { _ in
    func step(_ operation: UInt8, _ amount: UInt16 = 0, _ detail: UInt8 = 0) -> [UInt8] {
      [operation, UInt8(truncatingIfNeeded: amount), UInt8(amount >> 8), detail]
    }
    let segment = step(0, 1_460)
    let gap = step(8, 700)
    let readAndDiscard = step(15, 9) + step(11)
    let limited = step(0x40, 1_000, 30)
    let many = [UInt8](repeatElement(segment, count: 20).joined())
    return [
      [60, 0, 0, 0] + segment + readAndDiscard + segment + readAndDiscard,
      [60, 0x80, 1, 0] + many + gap + segment + step(10, 2_000) + step(6, 1_000, 90) + step(7, 10, 3),
      [2, 0x82, 3, 0] + many + gap + many + step(9, 60_000, 30),
      [9, 1, 2, 0] + limited + limited + gap + limited + limited + limited + step(12, 900) + step(13) + step(14),
    ]
  })
