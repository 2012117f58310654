// The code of the article "Storage, events, switches and timers"; see StepByStep.swift.
import EventDSL

// snippet.answers
struct FailedAnswers: Middlebox {
  let answer = UserEvent<Int>("answer")
  let failed = UserEvent<Int>("failed")

  var events: some EventGraph {
    Define(answer, from: .newData) { event in
      guard event.receiver == .client else { return nil }
      var status: Int?
      event.forEachSpan { bytes in
        let start = bytes.withUnsafeBytes { String(decoding: $0.prefix(12), as: UTF8.self) }
        if start.hasPrefix("HTTP/1.") { status = Int(start.suffix(3)) }
      }
      return status
    }
    Define(failed, from: answer) { event in event.payload >= 400 ? event.payload : nil }
    On(failed) { event in event.report("status \(event.payload) for \(event.flow.key.source)") }
  }
}
// snippet.end

// snippet.switch
struct AfterLoss: Middlebox {
  let lost = FlowLocal<[UInt64]>([])
  let reading = Subscription.off

  var events: some EventGraph {
    On(.retransmission) { event in
      event.flow[lost].append(event.offset)
      event.flow.start(reading)
    }
    On(.newData, as: reading) { event in
      event.report("\(event.length) bytes at \(event.offset), behind what was sent again at \(event.flow[lost])")
      event.flow.stop(reading)
    }
  }
}
// snippet.end

// snippet.rates
struct Rates: Middlebox {
  final class Count {
    var bytes: UInt64 = 0
  }

  let count = Count()
  let tick = BoxTimer(every: .milliseconds(500))

  var events: some EventGraph {
    On(.newData) { event in count.bytes += event.length }
    On(tick) { event in
      event.report("\(count.bytes) bytes in half a second")
      count.bytes = 0
    }
  }
}
// snippet.end

// snippet.controls
struct FirstWords: Middlebox {
  var flowFilter: String? = "tcp"

  var events: some EventGraph {
    On(.connectionStart, at: .sender) { event in
      event.flow.client.stopMonitoring()
      event.flow.setIdleTimeout(.milliseconds(500))
    }
    On(.newData) { event in
      event.report("port \(event.flow.server.port): \(event.length) bytes for the \(event.receiver)")
      event.flow.stopMonitoring()
    }
    On(.connectionEnd) { event in
      let states = "client \(event.flow.client.state), server \(event.flow.server.state)"
      event.report("port \(event.flow.server.port): \(event.reason), \(states)")
    }
  }
}
// snippet.end
