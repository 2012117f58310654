import MOSCore

@testable import DualStackTracker
@testable import MTCP

/// All that a tracker has, told so that two trackers that came to the same by other ways say the same: without the places
/// in memory where it lies.
enum TrackerPortrait {
  static func of(_ tracker: borrowing Tracker, flow: UInt32) -> [String] {
    var lines = ["\(tracker.statistics)", "flows \(tracker.flowCount)"]
    for value in 0..<UInt8(AgeClass.count) {
      var order: [UInt32] = []
      var next = tracker.ages.oldest(class: value)
      while next != 0 {
        order.append(next)
        next = tracker.ages.next(next)
      }
      lines.append("class \(value): \(order)")
    }
    guard flow != 0 else { return lines }
    var record = tracker.record(flow).pointee
    let index = record.connection
    lines.append("history \((0..<Int(record.history.count)).map { record.history[$0] })")
    record.connection = index == 0 ? 0 : 1
    lines.append("\(record), timer \(tracker.wheel.isScheduled(flow))")
    guard index != 0 else { return lines }
    let connection = tracker.connections.pointer(index)
    for side in [Side.client, .server] { lines += describe(connection.endpoint(side).pointee, tracker) }
    lines.append("\(connection.pointee.step) \(connection.pointee.traits)")
    if connection.pointee.intervention != 0 {
      lines.append("\(tracker.interventions.pointer(connection.pointee.intervention).pointee)")
    }
    if connection.pointee.unconfirmed != 0 {
      var state = tracker.unconfirmed.pointer(connection.pointee.unconfirmed).pointee
      lines += describe(state.doubted.buffer, tracker)
      state.doubted.buffer = ReceiveBuffer()
      lines.append("\(state)")
    }
    return lines
  }

  private static func describe(_ endpoint: Endpoint, _ tracker: borrowing Tracker) -> [String] {
    var lines = describe(endpoint.receive, tracker)
    var index = endpoint.retained.head
    while index != 0 {
      let block = tracker.retainedBlocks.pointer(index)
      let bytes = UnsafeRawBufferPointer(start: block.storage, count: Int(block.pointee.count))
      lines.append("retained \(block.pointee.start) \(Array(bytes).hashValue) \(block.pointee.count)")
      index = block.pointee.next
    }
    var endpoint = endpoint
    endpoint.receive = ReceiveBuffer()
    endpoint.retained = RetainedBytes()
    lines.append("\(endpoint)")
    return lines
  }

  private static func describe(_ buffer: ReceiveBuffer, _ tracker: borrowing Tracker) -> [String] {
    var lines = ["queued \(buffer.queuedBytes) in \(buffer.queueChunks)"]
    var index = buffer.queueHead
    while index != 0 {
      let chunk = tracker.pool.chunk(index).pointee
      let bytes = Array(UnsafeRawBufferPointer(start: tracker.pool.bytes(index), count: Int(chunk.count)))
      lines.append("\(chunk.start) \(chunk.count) of \(chunk.originStart) \(chunk.originEnd): \(bytes.hashValue)")
      index = chunk.next
    }
    return lines
  }
}
