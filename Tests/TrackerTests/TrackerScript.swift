import MOSCore
import MTCP
import TestSupport
import Testing

@testable import DualStackTracker

/// Runs a script of timed segments through a tracker and checks its expectations.
///
/// Whatever the script says, two things are checked as well: every TCP payload byte ends in exactly one counter, and a
/// flow ends exactly once (`TrackerLedger`).
struct TrackerScript: ~Copyable {
  var tracker: Tracker
  /// How packets are taken.
  enum Way: CaseIterable {
    /// Step by step, each judged anew by the rules.
    case byTheRules
    /// Step by step; what the ends expect is told by comparisons.
    case stepwise
    /// Both steps at once (`Tracker.process`).
    case atOnce
  }

  private let way: Way
  private var parser = ScriptParser()
  private var number: UInt64 = 0
  /// Packet time: the latest time so far.
  private var clock = -Double.infinity
  /// What happened since the last segment, as words: `newData server`, `stateChange client ESTABLISHED` ...
  private(set) var happened: [String] = []
  /// Bytes delivered to each side by the segments since the last expectation that asked.
  private var fresh: [Side: [UInt8]] = [:]
  /// Everything delivered to each side, with its stream offset.
  private var delivered: [Side: [(offset: UInt64, bytes: [UInt8])]] = [:]
  /// All bytes delivered to each side of each flow that is not released.
  private var streams: [UInt32: [Side: [UInt8]]] = [:]
  private(set) var latest: UInt32 = 0
  /// The latest flow's record as it was when it was released.
  private var released: FlowRecord?
  private var releasedStreams: [Side: [UInt8]] = [:]
  /// Why flows ended, in that order.
  private(set) var ends: [String] = []
  var ledger = TrackerLedger()
  /// How many `idle` events were seen so far.
  private var idles: UInt64 = 0

  init(_ way: Way = .stepwise, _ configure: (inout TrackerConfiguration) -> Void = { _ in }) {
    self.way = way
    var configuration = TrackerConfiguration()
    configuration.maximumFlows = 1_000
    configuration.secret = (1, 2)
    configure(&configuration)
    tracker = Tracker(configuration: configuration)
  }

  /// Runs the lines of `script`, then ends the trace; a line whose expectation fails is named with its text. Once
  /// in each way.
  static func run(
    _ script: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ configure: (inout TrackerConfiguration) -> Void = { _ in }
  ) throws {
    for way in Way.allCases {
      var runner = TrackerScript(way, configure)
      try runner.run(script, sourceLocation: sourceLocation)
      runner.finish(sourceLocation: sourceLocation)
    }
  }

  mutating func run(_ script: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    var isNew = true
    for (source, line) in try parser.parse(script) {
      switch line {
      case .segment(let segment):
        if isNew { forget() }
        isNew = false
        play(segment)
      case .wait(let time):
        if isNew { forget() }
        isNew = false
        advance(to: time)
      case .expect(let words, let text):
        isNew = true
        let problem = check(words, text: text)
        #expect(problem == nil, "\(source): \(problem ?? "")", sourceLocation: sourceLocation)
      }
    }
  }

  /// Ends the trace, and checks that nothing is left and all is accounted for.
  mutating func finish(sourceLocation: SourceLocation = #_sourceLocation) {
    tracker.finish()
    collectEnds()
    let problem = ledger.problem(in: tracker, finished: true)
    #expect(problem == nil, "\(problem ?? "")", sourceLocation: sourceLocation)
  }

  /// Expectations are about what happens from here on.
  mutating func forget() {
    happened = []
    fresh = [:]
  }

  mutating func advance(to time: Double) {
    clock = max(clock, time)
    tracker.advance(to: ScriptedSegment.timestamp(time))
    collectEnds()
  }

  /// All bytes that `side` received of the latest flow.
  func stream(_ side: Side) -> [UInt8] { (latest == 0 ? releasedStreams : streams[latest] ?? [:])[side] ?? [] }

  /// What `side` received, piece by piece. Has a meaning while there has been one flow only.
  func pieces(_ side: Side) -> [(offset: UInt64, bytes: [UInt8])] { delivered[side] ?? [] }

  /// The latest flow's record.
  var record: FlowRecord? { latest == 0 ? released : tracker.record(latest).pointee }

  mutating func play(_ scripted: ScriptedSegment) {
    var segment = scripted
    number += 1
    segment.number = number
    noteTime(of: &segment)
    segment.withPacket { packet in
      if way == .atOnce, !segment.isInterfered {
        var candidate: UInt32 = 0
        withUnsafeMutablePointer(to: &candidate) { take(PacketBurst(packet, count: 1, candidates: $0)) }
      } else {
        tracker.prepare(packet)
        process(packet, candidate: 0, segment)
      }
    }
  }

  private mutating func noteTime(of segment: inout ScriptedSegment) {
    segment.clock = clock
    clock = max(clock, segment.time)
  }

  /// Plays segments as one burst.
  mutating func play(burst segments: ArraySlice<ScriptedSegment>) {
    let packets = UnsafeMutablePointer<DecodedPacket>.allocate(capacity: segments.count)
    let candidates = UnsafeMutablePointer<UInt32>.allocate(capacity: segments.count)
    var blocks: [UnsafeMutableRawPointer] = []
    for (index, scripted) in segments.enumerated() {
      var segment = scripted
      number += 1
      segment.number = number
      noteTime(of: &segment)
      let bytes = segment.bytes
      blocks.append(.allocate(byteCount: bytes.count, alignment: 1))
      (packets + index).initialize(to: segment.packet(bytes, in: blocks[index]))
    }
    if way == .atOnce {
      take(PacketBurst(packets, count: segments.count, candidates: candidates))
    } else {
      tracker.prepare(packets, count: segments.count, candidates: candidates)
      for index in 0..<segments.count { process(packets + index, candidate: candidates[index]) }
    }
    for block in blocks { block.deallocate() }
    packets.deallocate()
    candidates.deallocate()
  }

  private mutating func process(
    _ packet: UnsafeMutablePointer<DecodedPacket>, candidate: UInt32, _ segment: ScriptedSegment = ScriptedSegment()
  ) {
    tracker.advance(to: packet.pointee.clock)
    collectEnds()
    let found = tracker.lookUp(packet, candidate: candidate)
    collectEnds()
    if packet.pointee.kind == .tcp, packet.pointee.isSelected {
      ledger.givenBytes += UInt64(packet.pointee.payloadLength)
    }
    switch found {
    case .flow(let flow, _):
      latest = flow
      ledger.began(flow)
      if way == .byTheRules {
        (tracker.connections.base + Int(tracker.record(flow).pointee.connection)).pointee.step = .unknown
      }
      tracker.send(packet)
      collect()
      if segment.translates { tracker.beginTranslation(of: flow) }
      if segment.isDropped { return tracker.drop(packet) }
      if let changed = segment.changed.first {
        return changed.withPacket { receive($0, insteadOf: packet, segment) }
      }
      receive(packet, insteadOf: nil, segment)
    case .orphan:
      happened.append("orphan")
      collect()
    case .none, .notSelected:
      happened.append("none")
    }
  }

  /// First step of a packet that belongs to a flow, which is returned.
  mutating func send(_ packet: UnsafeMutablePointer<DecodedPacket>) -> UInt32 {
    number += 1
    packet.pointee.number = number
    tracker.prepare(packet)
    tracker.advance(to: packet.pointee.clock)
    collectEnds()
    guard case .flow(let flow, _) = tracker.lookUp(packet) else { return 0 }
    collectEnds()
    ledger.givenBytes += UInt64(packet.pointee.payloadLength)
    latest = flow
    ledger.began(flow)
    tracker.send(packet)
    collect()
    return flow
  }

  /// Second step of a packet, which was `original` when it was sent if that was something else.
  mutating func receive(
    _ packet: UnsafeMutablePointer<DecodedPacket>, insteadOf original: UnsafeMutablePointer<DecodedPacket>?,
    _ segment: ScriptedSegment = ScriptedSegment()
  ) {
    if let original {
      packet.pointee.number = original.pointee.number
      if packet.pointee.kind == .tcp, !segment.isUndone {
        ledger.givenBytes -= UInt64(original.pointee.payloadLength)
        ledger.givenBytes += UInt64(packet.pointee.payloadLength)
      }
    }
    if segment.isUndone {
      tracker.receiveRevocably(packet, insteadOf: original.map { UnsafePointer($0) })
      collectUndone()
      tracker.undoReceive(original ?? packet)
    } else if segment.isRevocable {
      tracker.receiveRevocably(packet, insteadOf: original.map { UnsafePointer($0) })
      collect(from: tracker.events.firstStepCount)
      tracker.confirmReceive()
    } else if let original {
      tracker.receive(packet, insteadOf: original)
      collect(from: tracker.events.firstStepCount)
    } else {
      tracker.receive(packet)
      collect(from: tracker.events.firstStepCount)
    }
  }

  /// What a step that is undone brought is told, and is no part of any stream.
  private mutating func collectUndone() {
    for index in tracker.events.firstStepCount..<tracker.events.count {
      let event = tracker.events[index]
      var count: UInt64 = 0
      if event.kind == .newData { tracker.forEachSpan(of: event) { count += UInt64($0.count) } }
      #expect(event.kind != .newData || count == event.length)
      happened.append("undone " + words(event))
    }
  }

  private mutating func take(_ burst: PacketBurst) {
    var burst = burst
    tracker.prepare(burst)
    for index in 0..<burst.count where burst.packets[index].kind == .tcp && burst.packets[index].isSelected {
      ledger.givenBytes += UInt64(burst.packets[index].payloadLength)
    }
    var hasEvents = false
    while tracker.process(&burst, wanted: .all) {
      hasEvents = true
      collectEnds()
      if burst.flow != 0 {
        latest = burst.flow
        ledger.began(burst.flow)
      }
      if tracker.events.set.contains(.orphan) { happened.append("orphan") }
      collect()
    }
    collectEnds()
    if !hasEvents { happened.append("none") }
  }

  private mutating func collectEnds() {
    while idles < tracker.events.count(of: .idle) {
      happened.append("idle")
      idles += 1
    }
    while case let flow = tracker.takeEnded(), flow != 0 {
      let reason = "\(tracker.record(flow).pointee.end.recordName)"
      happened.append("connectionEnd \(reason)")
      ends.append(reason)
      ledger.ended(flow)
    }
    while case let flow = tracker.takeReleased(), flow != 0 {
      happened.append("released")
      ledger.released(flow)
      if flow == latest {
        released = tracker.record(flow).pointee
        releasedStreams = streams[flow] ?? [:]
        latest = 0
      }
      streams[flow] = nil
      tracker.free(flow)
    }
  }

  private func words(_ event: EventRecord) -> String {
    let words = "\(event.kind.name) \(event.side)"
    switch event.kind {
    case .stateChange: return words + " \(TCPState(rawValue: event.code)?.recordName ?? "")"
    case .anomaly: return "anomaly \(Anomaly(rawValue: event.code)?.name ?? "")"
    case .retransmission:
      let kind = RetransmissionKind(rawValue: event.code)?.name ?? ""
      return words + " \(kind)\(event.detail == 1 ? " differs" : "")"
    case .outOfOrder, .overlapConflict, .gap, .newData: return words + " \(event.length) at \(event.offset)"
    case .connectionEnd: return "connectionEnd \(EndReason(rawValue: event.code)?.recordName ?? "")"
    default: return words
    }
  }

  private mutating func collect(from first: Int = 0) {
    for index in first..<tracker.events.count {
      let event = tracker.events[index]
      switch event.kind {
      case .gap: ledger.advanced(latest, event.side, offset: event.offset, length: event.length)
      case .connectionEnd:
        ends.append("\(EndReason(rawValue: event.code)?.recordName ?? "")")
        ledger.ended(latest)
      case .newData:
        var bytes: [UInt8] = []
        tracker.forEachSpan(of: event) { bytes += Array($0) }
        #expect(UInt64(bytes.count) == event.length)
        fresh[event.side, default: []] += bytes
        streams[latest, default: [:]][event.side, default: []] += bytes
        delivered[event.side, default: []].append((event.offset, bytes))
        ledger.advanced(latest, event.side, offset: event.offset, length: event.length)
      default: break
      }
      happened.append(words(event))
    }
  }

  private func matches(_ event: String, _ words: String) -> Bool { event == words || event.hasPrefix(words + " ") }

  /// nil when the expectation holds, else what was found instead.
  private mutating func check(_ words: [String], text: String?) -> String? {
    guard let first = words.first else { return "empty expectation" }
    let rest = words.dropFirst().joined(separator: " ")
    switch first {
    case "newData" where text != nil:
      let side: Side = rest == "client" ? .client : .server
      let got = String(decoding: fresh[side] ?? [], as: UTF8.self)
      fresh[side] = []
      return got == text ? nil : "got \"\(got)\""
    case "no":
      return happened.contains { matches($0, rest) } ? "happened: \(happened)" : nil
    case "count":
      let wanted = words.dropFirst(2).joined(separator: " ")
      let count = happened.filter { matches($0, wanted) }.count
      return count == Int(words[1]) ? nil : "\(count) times: \(happened)"
    case "order":
      var left = happened[...]
      for wanted in rest.split(separator: ",") {
        let wanted = wanted.drop { $0 == " " }
        guard let index = left.firstIndex(where: { matches($0, String(wanted)) }) else {
          return "\(wanted) is missing or too early in: \(happened)"
        }
        left = left[(index + 1)...]
      }
      return nil
    case "end": return ends.last == rest ? nil : "ends \(ends)"
    case "ends": return ends.joined(separator: " ") == rest ? nil : "ends \(ends)"
    case "flows": return tracker.flowCount == Int(rest) ? nil : "\(tracker.flowCount) flows"
    case "statistic":
      let got = ledger.statistic(words[1], of: tracker.statistics)
      return got == UInt64(words[2]) ? nil : "is \(got.map(String.init) ?? "unknown")"
    default:
      if let result = checkRecord(words, text: text) { return result.problem }
      let wanted = words.joined(separator: " ")
      return happened.contains { matches($0, wanted) } ? nil : "happened: \(happened)"
    }
  }

  /// Expectations on the latest flow's record and streams; nil when the words mean something else.
  private func checkRecord(_ words: [String], text: String?) -> (problem: String?, Void)? {
    let side: Side = words.dropFirst().first == "client" ? .client : .server
    guard let record else { return nil }
    func compare<Value: Equatable>(_ got: Value, _ wanted: Value?) -> (problem: String?, Void) {
      (got == wanted ? nil : "is \(got)", ())
    }
    switch words[0] {
    case "stream": return compare(String(decoding: stream(side), as: UTF8.self), text ?? "")
    case "client", "server":
      let state = TCPState(rawValue: record[words[0] == "client" ? .client : .server].state)
      return compare("\(state?.recordName ?? "")", words[1])
    case "open": return compare(record.end, EndReason.none)
    case "history":
      return compare(String(decoding: (0..<Int(record.history.count)).map { record.history[$0] }, as: UTF8.self), text)
    case "packets": return compare(record[side].packets, UInt64(words[2]))
    case "bytes": return compare(record[side].streamBytes, UInt64(words[2]))
    case "missed": return compare(record[side].missedBytes, UInt64(words[2]))
    case "retransmits": return compare(record[side].retransmits, UInt32(words[2]))
    case "reordered": return compare(record[side].outOfOrder, UInt32(words[2]))
    case "clientPort": return compare(record.key.sourcePort, UInt16(words[1]))
    case "suspect": return compare(record.isSuspect, true)
    case "midstream": return compare(record.isMidstream, true)
    case "flipped": return compare(record.isFlipped, true)
    case "firstPacket": return compare(record.firstPacket, UInt64(words[1]))
    case "endPacket": return compare(record.endPacket, UInt64(words[1]))
    default: return nil
    }
  }
}
