import MOSCore

/// The options of segments that are sent.
extension Connections {
  /// Bytes of options that the next segment with data has.
  func optionsLength(_ block: UnsafeMutablePointer<TransmissionControlBlock>) -> Int {
    let timestamps = block.pointee.traits.contains(.timestamps) ? 12 : 0
    let blocks = sackBlocks(block, room: 40 - timestamps).count
    return timestamps + (blocks > 0 ? 4 + 8 * blocks : 0)
  }

  func writeOptions(
    _ block: UnsafeMutablePointer<TransmissionControlBlock>, isSYN: Bool, _ now: Timestamp,
    to segment: inout OutgoingSegment
  ) {
    var writer = OptionWriter()
    if isSYN {
      writer.word(0x0204_0000 | UInt32(block.pointee.configuration.maximumSegmentSize))
      if block.pointee.traits.contains(.windowScale) { writer.word(0x0103_0300 | UInt32(block.pointee.receiveScale)) }
      if block.pointee.traits.contains(.selectiveAcknowledgments) { writer.word(0x0101_0402) }
    }
    if block.pointee.traits.contains(.timestamps) {
      writer.word(0x0101_080a)
      writer.word(RecentAcknowledgment.timestampValue(now))
      writer.word(block.pointee.traits.contains(.hasTimestampRecent) ? block.pointee.timestampRecent : 0)
    }
    if !isSYN {
      let ranges = sackBlocks(block, room: 40 - writer.length)
      if ranges.count > 0 {
        writer.word(0x0101_0500 | UInt32(2 + 8 * ranges.count))
        for index in 0..<ranges.count {
          writer.word(ranges.blocks[index].left.rawValue)
          writer.word(ranges.blocks[index].right.rawValue)
        }
      }
    }
    segment.options = writer.bytes
    segment.optionsLength = UInt8(writer.length)
  }

  /// What is acknowledged selectively, as much as there is room for: what came twice (RFC 2883 4), the range of what came last, and then
  /// the others from the lowest on (RFC 2018 4).
  private func sackBlocks(
    _ block: UnsafeMutablePointer<TransmissionControlBlock>, room: Int
  ) -> (blocks: InlineArray<4, (left: SequenceNumber, right: SequenceNumber)>, count: Int) {
    var result = InlineArray<4, (left: SequenceNumber, right: SequenceNumber)>(
      repeating: (SequenceNumber(0), SequenceNumber(0)))
    guard block.pointee.traits.contains(.selectiveAcknowledgments) else { return (result, 0) }
    let most = min(4, (room - 4) / 8)
    var count = 0
    if let duplicate = block.pointee.duplicate {
      result[0] = duplicate
      count = 1
    }
    guard block.pointee.outOfOrder.hasQueued else { return (result, count) }
    let latest = block.pointee.latestOutOfOrder
    let place = count
    var first = false
    count += 1
    block.pointee.outOfOrder.forEachRange(pool: chunks) { start, end in
      if start <= latest, latest < end {
        result[place] = (start, end)
        first = true
      } else if count < most {
        result[count] = (start, end)
        count += 1
      }
    }
    if !first {
      // What came last is no longer there.
      count -= 1
      result[place] = result[count]
    }
    return (result, min(count, most))
  }
}

/// Options, a word after the other.
private struct OptionWriter {
  var bytes = InlineArray<40, UInt8>(repeating: 0)
  var length = 0

  mutating func word(_ value: UInt32) {
    for index in 0..<4 { bytes[length + index] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * index)) }
    length += 4
  }
}
