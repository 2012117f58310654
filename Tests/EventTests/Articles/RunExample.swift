// The code of the article "Running middleboxes"; see StepByStep.swift.
import EventDSL

// snippet.summary
struct SentByPort: Middlebox {
  final class Counts {
    var bytes: [UInt16: UInt64] = [:]
  }

  var flowFilter: String? = "tcp"
  let counts = Counts()

  var events: some EventGraph {
    On(.recordFinal) { event in
      counts.bytes[event.flow.server.port, default: 0] += event.flow.server.counters.streamBytes
    }
  }

  static func summary(of boxes: [SentByPort]) -> Summary? {
    var sums: [UInt16: UInt64] = [:]
    for box in boxes { sums.merge(box.counts.bytes, uniquingKeysWith: +) }
    let rows = sums.sorted { $0.key < $1.key }.map { [Summary.Value.text("\($0.key)"), .bytes($0.value)] }
    return Summary([.init("ports", ["port", "sent_bytes"], rows)])
  }
}
// snippet.end
