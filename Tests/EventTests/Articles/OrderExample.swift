// The code of the article "The order of events"; see StepByStep.swift.
import EventDSL

// snippet.log
struct EventLog: Middlebox {
  var flowFilter: String? = "tcp port 57646"

  var events: some EventGraph {
    On(.packet, at: .sender) { event in
      event.report("packet \(event.packet!.number) from the \(event.sender), \(event.packet!.payloadLength) bytes")
    }
    On(.connectionStart, at: .sender) { $0.report("  .\($0.hook): connectionStart, \($0.side)") }
    On(.connectionStart, at: .receiver) { $0.report("  .\($0.hook): connectionStart, \($0.side)") }
    On(.established) { $0.report("  .\($0.hook): established") }
    On(.stateChange, at: .sender) { $0.report("  .\($0.hook): \($0.side) \($0.old) to \($0.new)") }
    On(.stateChange, at: .receiver) { $0.report("  .\($0.hook): \($0.side) \($0.old) to \($0.new)") }
    On(.newData) { $0.report("  .\($0.hook): newData, \($0.length) bytes for the \($0.receiver)") }
    On(.connectionEnd) { $0.report("  .\($0.hook): connectionEnd, \($0.reason)") }
  }
}
// snippet.end
