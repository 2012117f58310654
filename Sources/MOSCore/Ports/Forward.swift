/// Forwards one burst each way: what came in at `a` is sent at `b`, and what came in at `b` is sent at `a`, unchanged.
///
/// Returns how many frames were received at both, also where the other port dropped them: 0 when nothing was there.
/// `burst` (1 to 512) is how many are taken at a time.
@inlinable @discardableResult
public func forward<A: PacketPort & ~Copyable, B: PacketPort & ~Copyable>(
  _ a: inout A, _ b: inout B, burst: Int = 32
) -> Int {
  precondition(burst >= 1 && burst <= 512, "a burst is 1 to 512 frames")
  return withUnsafeTemporaryAllocation(of: CapturedFrame.self, capacity: burst) { frames in
    let storage = frames.baseAddress!
    let fromA = a.receive(into: storage, capacity: burst)
    if fromA > 0 { _ = b.send(storage, count: fromA) }
    let fromB = b.receive(into: storage, capacity: burst)
    if fromB > 0 { _ = a.send(storage, count: fromB) }
    return fromA + fromB
  }
}
