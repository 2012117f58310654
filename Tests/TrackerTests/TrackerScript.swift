import MOSCore
import MTCP
import Testing

@testable import DualStackTracker

/// Runs a script of timed segments through a tracker and checks its expectations.
struct TrackerScript: ~Copyable {
  var tracker: Tracker
  private var parser = ScriptParser()
  private var number: UInt64 = 0
  /// What happened since the last segment, as words: `newData server`, `stateChange client ESTABLISHED` ...
  private var happened: [String] = []
  /// Bytes delivered to each side by the segments since the last expectation that asked.
  private var fresh: [Side: [UInt8]] = [:]
  /// All bytes delivered to each side of the latest flow.
  private var streams: [Side: [UInt8]] = [:]
  private var latest: UInt32 = 0
  private var ends: [String] = []

  init(_ configure: (inout TrackerConfiguration) -> Void = { _ in }) {
    var configuration = TrackerConfiguration()
    configuration.maximumFlows = 1_000
    configuration.secret = (1, 2)
    configure(&configuration)
    tracker = Tracker(configuration: configuration)
  }

  /// Runs the lines of `script`; a line whose expectation fails is named with its text.
  static func run(
    _ script: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ configure: (inout TrackerConfiguration) -> Void = { _ in }
  ) throws {
    var runner = TrackerScript(configure)
    try runner.run(script, sourceLocation: sourceLocation)
  }

  mutating func run(_ script: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    var fresh = true
    for (source, line) in try parser.parse(script) {
      switch line {
      case .segment(let segment):
        if fresh {
          happened = []
          self.fresh = [:]
        }
        fresh = false
        play(segment)
      case .wait(let time):
        if fresh { happened = [] }
        fresh = false
        tracker.advance(to: Timestamp(nanoseconds: 1_700_000_000_000_000_000 + Int64(time * 1e9)))
        collectEnds()
      case .expect(let words, let text):
        fresh = true
        let problem = check(words, text: text)
        #expect(problem == nil, "\(source): \(problem ?? "")", sourceLocation: sourceLocation)
      }
    }
  }

  mutating func finish() {
    tracker.finish()
    collectEnds()
  }

  /// All bytes that `side` received of the latest flow.
  func stream(_ side: Side) -> [UInt8] { streams[side] ?? [] }

  /// The latest flow's record.
  var record: FlowRecord? { latest == 0 ? nil : tracker.record(latest).pointee }

  mutating func play(_ scripted: ScriptedSegment) {
    var segment = scripted
    number += 1
    segment.number = number
    segment.withPacket { packet in
      tracker.prepare(packet)
      tracker.advance(to: packet.pointee.clock)
      let found = tracker.lookUp(packet)
      collectEnds()
      switch found {
      case .flow(let flow, _):
        if flow != latest { streams = [:] }
        latest = flow
        tracker.send(packet)
        collect()
        tracker.receive(packet)
        collect()
      case .orphan:
        happened.append("orphan")
        collect()
      case .none, .notSelected:
        happened.append("none")
      }
    }
  }

  private mutating func collectEnds() {
    while case let flow = tracker.takeEnded(), flow != 0 {
      let reason = "\(tracker.record(flow).pointee.end.recordName)"
      happened.append("connectionEnd \(reason)")
      ends.append(reason)
    }
    while case let flow = tracker.takeReleased(), flow != 0 {
      happened.append("released")
      if flow == latest { latest = 0 }
      tracker.free(flow)
    }
  }

  private mutating func collect() {
    for index in 0..<tracker.events.count {
      let event = tracker.events[index]
      var words = "\(event.kind.name) \(event.side)"
      switch event.kind {
      case .stateChange: words += " \(TCPState(rawValue: event.code)?.recordName ?? "")"
      case .anomaly: words = "anomaly \(Anomaly(rawValue: event.code)?.name ?? "")"
      case .retransmission: words += " \(RetransmissionKind(rawValue: event.code)?.name ?? "")"
      case .gap, .outOfOrder, .overlapConflict: words += " \(event.length)"
      case .connectionEnd:
        let reason = "\(EndReason(rawValue: event.code)?.recordName ?? "")"
        words = "connectionEnd \(reason)"
        ends.append(reason)
      case .newData:
        var bytes: [UInt8] = []
        tracker.forEachSpan(of: event) { bytes += Array($0) }
        #expect(UInt64(bytes.count) == event.length)
        fresh[event.side, default: []] += bytes
        streams[event.side, default: []] += bytes
      default: break
      }
      happened.append(words)
    }
  }

  /// nil when the expectation holds, else what was found instead.
  private mutating func check(_ words: [String], text: String?) -> String? {
    guard let first = words.first else { return "empty expectation" }
    let side: Side = words.dropFirst().first == "client" ? .client : .server
    switch first {
    case "newData":
      let got = String(decoding: fresh[side] ?? [], as: UTF8.self)
      fresh[side] = []
      return got == (text ?? "") ? nil : "got \"\(got)\""
    case "stream":
      let got = String(decoding: streams[side] ?? [], as: UTF8.self)
      return got == (text ?? "") ? nil : "got \"\(got)\""
    case "client", "server":
      guard let record else { return "no flow" }
      let state = TCPState(rawValue: record[first == "client" ? .client : .server].state)
      return "\(state?.recordName ?? "")" == words[1] ? nil : "is \(state?.recordName ?? "")"
    case "end":
      return ends.last == words[1] ? nil : "ends \(ends)"
    case "open":
      guard let record else { return "no flow" }
      return record.end == .none ? nil : "ended \(record.end)"
    case "flows":
      return tracker.flowCount == Int(words[1]) ? nil : "\(tracker.flowCount) flows"
    case "no":
      let rest = words.dropFirst().joined(separator: " ")
      return happened.contains { $0 == rest || $0.hasPrefix(rest + " ") } ? "happened: \(happened)" : nil
    case "history":
      guard let record else { return "no flow" }
      let got = String(decoding: (0..<Int(record.history.count)).map { record.history[$0] }, as: UTF8.self)
      return got == text ? nil : "got \(got)"
    case "packets", "bytes", "missed", "retransmits", "outOfOrder":
      guard let record else { return "no flow" }
      let counters = record[side]
      let got: UInt64 =
        switch first {
        case "packets": counters.packets
        case "bytes": counters.streamBytes
        case "missed": counters.missedBytes
        case "retransmits": UInt64(counters.retransmits)
        default: UInt64(counters.outOfOrder)
        }
      return got == UInt64(words[2]) ? nil : "is \(got)"
    case "suspect": return record?.isSuspect == true ? nil : "not suspect"
    case "midstream": return record?.isMidstream == true ? nil : "not midstream"
    default:
      let wanted = words.joined(separator: " ")
      return happened.contains { $0 == wanted || $0.hasPrefix(wanted + " ") } ? nil : "happened: \(happened)"
    }
  }
}
