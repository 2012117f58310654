import DualStackTracker
import MOSCore
import Middleboxes
import Records

/// What a worker writes: lines of the record streams that were asked for, collected for one epoch with the keys that
/// put the lines of all workers in one order.
struct Recorder: ~Copyable {
  /// Which streams there are.
  struct Streams: Sendable {
    var connections: ConnectionLog?
    var eve = false
    var events = false
    var digests = false
    var extracts = false
    /// What TLS handshakes tell.
    var tls = false
    /// Reports of middleboxes are lines of their own, and not among EVE's records.
    var reportLines = false
    var communityIDs = false

    /// The streams that `options` name.
    init(_ options: ReplayOptions) {
      connections = ConnectionLog(options)
      eve = options.eve != nil
      events = options.events != nil
      digests = options.streamHash && connections != nil
      extracts = options.extract != nil
      tls = options.tls && (connections != nil || eve)
      // Who asks about one packet does not want to be told of all others.
      reportLines = !options.middleboxes.isEmpty && !eve && options.explain == nil
      communityIDs = options.communityID
    }

    /// Somebody looks at records of flows.
    var wantsFlows: Bool { connections != nil || eve }
    /// Something is made of the streams' bytes.
    var readsStreams: Bool { digests || extracts || tls }
    /// There is anything to write.
    var isAny: Bool { wantsFlows || events || extracts || reportLines }
  }

  /// A sequence of lines with one order.
  enum Stream {
    case events
    case eve
    case eveFlows
    case connections
    case reports
  }

  /// Key of what no packet caused: behind everything else of its epoch.
  static let behindPackets = UInt64.max

  let streams: Streams
  var connectionBlock = RecordBlock()
  var eveBlock = RecordBlock()
  /// EVE's flow records; they come behind the anomalies of their epoch.
  var eveFlowBlock = RecordBlock()
  var eventBlock = RecordBlock()
  /// What middleboxes reported, where that is not among EVE's records.
  var reportBlock = RecordBlock()
  private var digests = StreamDigests()
  private var extractor: StreamExtractor?
  private var handshakes = TLSHandshakeReader()
  private var attachments = Attachments()
  /// Flows whose records are final and not yet written.
  var finished: [UInt32] = []

  /// A recorder of what `options` name. Throws when the folder for the streams cannot be used.
  init(_ options: ReplayOptions) throws(ReplayFailure) {
    streams = Streams(options)
    wanted =
      streams.events
      ? .all
      : EventSet(
        rawValue: (streams.eve ? EventSet(.anomaly).rawValue : 0)
          | (streams.readsStreams ? EventSet(.newData).rawValue : 0))
    guard let directory = options.extract else {
      extractor = nil
      return
    }
    do { extractor = try StreamExtractor(directory: directory) } catch {
      throw ReplayFailure(message: error.description, status: 3)
    }
  }

  /// What went wrong with the streams' files, if anything.
  var extractionError: OutputError? {
    switch extractor {
    case .some(let extractor): extractor.error
    case .none: nil
    }
  }

  /// Records of ended flows are kept until the end of the epoch.
  var keepsFlows: Bool { streams.wantsFlows || streams.readsStreams }
  /// The events that some stream needs.
  let wanted: EventSet

  /// Takes what both steps of the tracker returned for `packet`; `flow` is 0 for a packet without one. A packet that a
  /// middlebox dropped did not reach the receiver.
  mutating func record(
    _ tracker: inout Tracker, flow: UInt32, packet: UnsafePointer<DecodedPacket>, isDropped: Bool = false
  ) {
    let record = flow == 0 ? nil : tracker.record(flow)
    var hook = flow == 0 ? Hook.wire : .sender
    if streams.events { writeFacts(tracker.events.set, record: record, packet: packet, hook: hook) }
    for index in 0..<tracker.events.count {
      let event = tracker.events[index]
      if hook == .sender, index == tracker.events.firstStepCount {
        hook = .receiver
        if streams.events { writeFacts(tracker.events.set, record: record, packet: packet, hook: hook) }
      }
      switch event.kind {
      case .newData:
        if let record { take(event, record: record, tracker: &tracker) }
      case .anomaly where streams.eve:
        if let anomaly = Anomaly(rawValue: event.code) {
          EVE.append(anomaly: anomaly, packet: packet, flow: record.map { UnsafePointer($0) }, to: &eveBlock.text)
          eveBlock.commit(key1: packet.pointee.number, key2: 0)
        }
      default: break
      }
      guard streams.events else { continue }
      if let record {
        EventLog.append(
          event, number: packet.pointee.number, timestamp: packet.pointee.timestamp, flow: UnsafePointer(record),
          to: &eventBlock.text)
      } else if event.kind == .anomaly, let anomaly = Anomaly(rawValue: event.code) {
        EventLog.append(anomaly, packet: packet, to: &eventBlock.text)
      }
      eventBlock.commit(key1: packet.pointee.number, key2: 0)
    }
    if streams.events, hook == .sender, !isDropped {
      writeFacts(tracker.events.set, record: record, packet: packet, hook: .receiver)
    }
  }

  /// Events that are mere facts.
  private mutating func writeFacts(
    _ set: EventSet, record: UnsafeMutablePointer<FlowRecord>?, packet: UnsafePointer<DecodedPacket>, hook: Hook
  ) {
    if set.contains(.orphan) { EventLog.append(.orphan, hook: .wire, packet: packet, to: &eventBlock.text) }
    if set.contains(.packet), let record {
      let fromClient =
        packet.pointee.key.source == record.pointee.key.source
        && packet.pointee.key.sourcePort == record.pointee.key.sourcePort
      EventLog.append(
        .packet, hook: hook, side: (hook == .sender) == fromClient ? .client : .server,
        number: packet.pointee.number, timestamp: packet.pointee.timestamp, flow: UnsafePointer(record),
        to: &eventBlock.text)
    }
    eventBlock.commit(key1: packet.pointee.number, key2: 0)
  }

  /// Bytes that became readable.
  private mutating func take(
    _ event: EventRecord, record: UnsafeMutablePointer<FlowRecord>, tracker: inout Tracker
  ) {
    if !streams.readsStreams { return }
    if record.pointee.attachment == 0 {
      record.pointee.attachment = attachments.add(
        digest: streams.digests ? digests.attach() : 0, file: extractor?.attach(record.pointee.key) ?? 0,
        handshake: streams.tls ? handshakes.attach() : 0)
    }
    let attachment = attachments[record.pointee.attachment]
    var offset = event.offset
    tracker.forEachSpan(of: event) { span in
      if attachment.digest != 0 { digests.append(attachment.digest, event.side, offset: offset, bytes: span) }
      if attachment.file != 0 { extractor?.append(attachment.file, event.side, offset: offset, bytes: span) }
      if attachment.handshake != 0 {
        handshakes.append(attachment.handshake, receiver: event.side, offset: offset, bytes: span)
      }
      offset &+= UInt64(span.count)
    }
  }

  /// Takes one stream's block out and puts another in.
  mutating func exchange(_ stream: Stream, with block: inout RecordBlock) {
    switch stream {
    case .events: swap(&eventBlock, &block)
    case .eve: swap(&eveBlock, &block)
    case .eveFlows: swap(&eveFlowBlock, &block)
    case .connections: swap(&connectionBlock, &block)
    case .reports: swap(&reportBlock, &block)
    }
  }

  /// A flow ended without a packet of its own.
  mutating func recordEnd(_ flow: UInt32, _ tracker: inout Tracker) {
    guard streams.events else { return }
    let record = UnsafePointer(tracker.record(flow))
    var time = record.pointee.lastTimestamp
    if record.pointee.end == .timeout {
      time = tracker.timeoutTime(of: record)
      EventLog.append(.idle, hook: .timer, side: nil, number: 0, timestamp: time, flow: record, to: &eventBlock.text)
    }
    var event = EventRecord(.connectionEnd, .timer, .client)
    event.code = record.pointee.end.rawValue
    EventLog.append(event, number: 0, timestamp: time, flow: record, to: &eventBlock.text)
    eventBlock.commit(key1: Recorder.behindPackets, key2: record.pointee.firstPacket)
  }

  /// The key of a flow's records: the packet that ended it, then its first.
  static func key(_ record: UnsafePointer<FlowRecord>) -> (UInt64, UInt64) {
    let end = record.pointee.endPacket
    return (end == 0 ? behindPackets : end, record.pointee.firstPacket)
  }

  /// Puts the flows that ended in this epoch in the order of their records.
  mutating func sortFinished(_ tracker: inout Tracker) {
    let base = tracker.recordBase
    finished.sort { Recorder.key(base + Int($0)) < Recorder.key(base + Int($1)) }
  }

  /// Writes the records of flows at these places of `finished`, and gives the flows back.
  mutating func writeFinished(_ places: Range<Int>, _ tracker: inout Tracker) {
    for place in places { write(finished[place], &tracker) }
  }

  /// Writes one flow's records, and gives the flow back.
  mutating func write(_ flow: UInt32, _ tracker: inout Tracker) {
    let record = UnsafePointer(tracker.record(flow))
    let key = Recorder.key(record)
    var pair: StreamDigestPair?
    var handshake: TLSHandshake?
    if record.pointee.attachment != 0 {
      let attachment = attachments.remove(record.pointee.attachment)
      if attachment.digest != 0 { pair = digests.finish(attachment.digest) }
      if attachment.file != 0 { extractor?.finish(attachment.file) }
      if attachment.handshake != 0 { handshake = handshakes.finish(attachment.handshake) }
    }
    if let log = streams.connections {
      log.append(record, digests: pair, tls: handshake, to: &connectionBlock.text)
      connectionBlock.commit(key1: key.0, key2: key.1)
    }
    if streams.eve {
      EVE.append(flow: record, tls: handshake, to: &eveFlowBlock.text)
      eveFlowBlock.commit(key1: key.0, key2: key.1)
    }
    tracker.free(flow)
  }
}

/// What a flow's `attachment` stands for: its places among what is made of streams, 0 for none.
private struct Attachments {
  struct Entry {
    var digest: UInt32 = 0
    /// Among the extracted files.
    var file: UInt32 = 0
    /// Among the TLS handshakes.
    var handshake: UInt32 = 0
  }

  private var entries = [Entry()]
  private var free: [UInt32] = []

  mutating func add(digest: UInt32, file: UInt32, handshake: UInt32) -> UInt32 {
    let entry = Entry(digest: digest, file: file, handshake: handshake)
    if let index = free.popLast() {
      entries[Int(index)] = entry
      return index
    }
    entries.append(entry)
    return UInt32(entries.count - 1)
  }

  subscript(index: UInt32) -> Entry { entries[Int(index)] }

  mutating func remove(_ index: UInt32) -> Entry {
    free.append(index)
    return entries[Int(index)]
  }
}

extension ConnectionLog {
  /// The connection records that were asked for; nil for none.
  init?(_ options: ReplayOptions) {
    if options.connectionLog == nil { return nil }
    self.init(
      format: options.connectionFormat, hasStreamDigests: options.streamHash, hasCommunityID: options.communityID,
      hasTLS: options.tls)
  }
}
