// The code of the article "Reading streams"; see StepByStep.swift.
import EventDSL

// snippet.lines
struct RequestLines: Middlebox {
  let requests = StreamReader(of: .server)

  var events: some EventGraph {
    On(.newData) { event in
      event.flow.read(requests) { chunk in
        guard case .bytes(let bytes) = chunk else { return .all }
        return bytes.withUnsafeBytes { text in
          guard let end = text.lastIndex(of: UInt8(ascii: "\n")) else { return .more(after: 0) }
          for line in text[...end].split(whereSeparator: { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") }) {
            let line = String(decoding: line, as: UTF8.self)
            if line.hasSuffix("HTTP/1.1") { event.report(line) }
          }
          return .more(after: end + 1)
        }
      }
    }
  }
}
// snippet.end

// snippet.tail
struct LastWords: Middlebox {
  let tail = StreamReader(of: .client, last: 16)

  var events: some EventGraph {
    On(.connectionEnd) { event in
      withUnsafeTemporaryAllocation(byteCount: 16, alignment: 1) { buffer in
        let count = event.flow.copy(tail, from: event.flow[tail].firstOffset, into: buffer)
        let text = String(decoding: buffer[..<count], as: UTF8.self)
        event.report("\(count) bytes from \(event.flow[tail].firstOffset) on: \(text.debugDescription)")
      }
    }
  }
}
// snippet.end

// snippet.holes
struct Holes: Middlebox {
  var events: some EventGraph {
    On(.outOfOrder) { event in
      let side = event.flow[event.receiver]
      var first: Range<UInt64>?
      side.forEachQueuedRange { range in first = first ?? range }
      guard let first, UInt64(side.queuedBytes) == event.length else { return }
      event.report("packet \(event.packet!.number): \(side.nextOffset)..<\(first.lowerBound) is missing")
    }
  }
}
// snippet.end
