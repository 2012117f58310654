import MOSCore
import Records

#if canImport(Glibc)
  import Glibc
#endif

/// A worker in a thread of its own, which is fed by a ring of batches.
///
/// The worker's state belongs to its thread while the thread has a batch, and to the feeding thread between `await` of
/// the batch that ended an epoch and the next `feed`.
final class WorkerThread: @unchecked Sendable {
  private static let batches = 16

  var worker: FlowWorker
  /// The worker has middleboxes.
  private let takesFrames: Bool
  private let full = SingleProducerRing<PacketBatch>(capacity: batches)
  private let empty = SingleProducerRing<PacketBatch>(capacity: batches + 2)
  private let ended = SingleProducerRing<Bool>(capacity: 4)
  private var current: PacketBatch
  private var thread = pthread_t()

  /// Starts the thread. Throws when the system gives none.
  init(_ worker: consuming FlowWorker) throws(ReplayFailure) {
    takesFrames = worker.path.hasEngine
    self.worker = worker
    current = PacketBatch()
    for _ in 0..<WorkerThread.batches { empty.put(PacketBatch()) }
    let this = Unmanaged.passRetained(self)
    let result = pthread_create(&thread, nil, { WorkerThread.main($0) }, this.toOpaque())
    guard result == 0 else {
      this.release()
      throw ReplayFailure(message: "no thread for a worker: \(String(cString: strerror(result)))", status: 3)
    }
  }

  private static func main(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    Unmanaged<WorkerThread>.fromOpaque(argument).takeRetainedValue().run()
    return nil
  }

  private func run() {
    while true {
      let batch = full.take()
      var position = 0
      while position < batch.count {
        let count = min(FlowWorker.burst, batch.count - position)
        worker.process(batch.packets + position, count: count)
        position += count
      }
      let order = batch.order
      let clock = batch.clock
      batch.clear()
      empty.put(batch)
      switch order {
      case .goOn: break
      case .endEpoch:
        worker.advance(to: clock)
        worker.formatFinished()
        ended.put(true)
      case .finish:
        worker.advance(to: clock)
        worker.finish()
        worker.sortFinished()
        ended.put(true)
        return
      }
    }
  }

  /// Hands a packet over. Only the feeding thread calls this and the following.
  func feed(_ packet: UnsafePointer<DecodedPacket>) {
    if append(packet) { return }
    flush()
    _ = append(packet)
  }

  private func append(_ packet: UnsafePointer<DecodedPacket>) -> Bool {
    takesFrames ? current.appendWhole(packet) : current.append(packet)
  }

  /// Hands over what was collected, with an order.
  func flush(_ order: PacketBatch.Order = .goOn, clock: Timestamp = Timestamp(nanoseconds: 0)) {
    current.order = order
    current.clock = clock
    full.put(current)
    current = empty.take()
  }

  /// Waits until the worker has done what `endEpoch` or `finish` ordered.
  func await() { _ = ended.take() }

  /// Waits for the thread's end.
  func join() { pthread_join(thread, nil) }
}
