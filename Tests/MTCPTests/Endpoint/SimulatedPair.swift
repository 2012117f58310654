import MOSCore
import Testing

@testable import MTCP

/// Segments on their way out of an end.
struct Outbox: SegmentSink {
  var segments: [(segment: OutgoingSegment, payload: UnsafeMutableRawBufferPointer)] = []

  mutating func begin(_ segment: OutgoingSegment) -> UnsafeMutableRawPointer? {
    let payload = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, Int(segment.payloadLength)), alignment: 1)
    segments.append((segment, payload))
    return payload.baseAddress
  }
}

/// What the network between two ends does, in virtual time.
struct SimulatedPath {
  var delay: Int64 = 10_000_000
  var jitter: Int64 = 0
  var loss = 0.0
  var duplication = 0.0
  var reordering = 0.0
}

/// Two connections of two hosts with a path between them, in virtual time, from a seed.
final class SimulatedPair {
  struct Flight {
    var time: Int64
    var number: Int
    var to: Int
    var segment: OutgoingSegment
    var payload: [UInt8]
  }

  final class End {
    var connections = Connections(capacity: 4, streamBytes: 4 << 20)
    var connection: UInt32 = 0
    var outbox = Outbox()
    var events: ConnectionEvents = []
    var end: ConnectionOutcome?

    /// Nothing is in use: no connection, no bytes, no timers.
    var isEmpty: Bool {
      connections.blocks.count == 0 && connections.streams.count == 0 && connections.chunks.bytesInUse == 0
        && connections.segments.count == 0 && connections.wheel.count == 0
    }
  }

  let client = End()
  let server = End()
  var path: SimulatedPath
  var now: Int64 = 1_700_000_000_000_000_000
  var random: SeededGenerator
  var flights: [Flight] = []
  var sent = 0
  /// Segments that are lost whatever the chances say, by their number.
  var losses: Set<Int> = []
  var log: [String] = []
  let clientConfiguration: ConnectionConfiguration
  let serverConfiguration: ConnectionConfiguration
  private static let key = FlowKey(
    source: IPAddress(v4: 0x0a00_0001), sourcePort: 40_000, destination: IPAddress(v4: 0x0a00_0002),
    destinationPort: 80,
    protocolNumber: 6)

  init(
    _ path: SimulatedPath = SimulatedPath(), seed: UInt64 = 1,
    client: ConnectionConfiguration = ConnectionConfiguration(),
    server: ConnectionConfiguration = ConnectionConfiguration()
  ) {
    self.path = path
    random = SeededGenerator(seed: seed)
    clientConfiguration = client
    serverConfiguration = server
  }

  var time: Timestamp { Timestamp(nanoseconds: now) }

  func open() {
    client.connection = client.connections.open(
      Self.key, clientConfiguration, iss: SequenceNumber(UInt32.random(in: 0 ... .max, using: &random)), at: time,
      into: &client.outbox)
    post()
  }

  /// What was sent enters the path.
  func post() {
    for (segment, payload) in client.outbox.segments { launch(segment, payload, to: 1) }
    client.outbox.segments = []
    for (segment, payload) in server.outbox.segments { launch(segment, payload, to: 0) }
    server.outbox.segments = []
  }

  private func launch(_ segment: OutgoingSegment, _ payload: UnsafeMutableRawBufferPointer, to: Int) {
    defer { payload.deallocate() }
    sent += 1
    let isLost = Double.random(in: 0..<1, using: &random) < path.loss || losses.contains(sent)
    let copies = Double.random(in: 0..<1, using: &random) < path.duplication ? 2 : 1
    let isLate = Double.random(in: 0..<1, using: &random) < path.reordering
    let bytes = [UInt8](UnsafeRawBufferPointer(rebasing: payload[..<Int(segment.payloadLength)]))
    if log.count < 4_000 {
      log.append(
        "\((now - 1_700_000_000_000_000_000) / 1_000) \(to == 1 ? ">" : "<") seq \(segment.header.sequence) ack \(segment.header.acknowledgment) len \(bytes.count) flags \(segment.header.flags.rawValue) win \(segment.header.window)\(isLost ? " LOST" : "")"
      )
    }
    if isLost { return }
    for _ in 0..<copies {
      let delay = path.delay + (path.jitter > 0 ? Int64.random(in: 0...path.jitter, using: &random) : 0)
      flights.append(
        Flight(time: now + delay + (isLate ? path.delay : 0), number: sent, to: to, segment: segment, payload: bytes))
    }
  }

  /// The next thing happens. `false` where nothing is to come.
  func step() -> Bool {
    post()
    let flight = flights.indices.min { (flights[$0].time, flights[$0].number) < (flights[$1].time, flights[$1].number) }
    let timer = [client.connections.nextDue, server.connections.nextDue].compactMap { $0?.nanoseconds }.min()
    let arrival = flight.map { flights[$0].time }
    guard let next = [timer, arrival].compactMap({ $0 }).min() else { return false }
    now = max(now, next)
    if let flight, flights[flight].time <= now {
      let taken = flights.remove(at: flight)
      deliver(taken)
    } else {
      client.connections.advance(to: time, into: &client.outbox)
      server.connections.advance(to: time, into: &server.outbox)
    }
    post()
    collect(client)
    collect(server)
    return true
  }

  func collect(_ end: End) {
    while let ready = end.connections.nextReady() {
      end.events.formUnion(ready.events)
      if let reason = ready.end { end.end = reason }
    }
  }

  /// Lets `nanoseconds` pass.
  func run(_ nanoseconds: Int64) {
    let end = now + nanoseconds
    post()
    while let next = nextTime, next <= end { _ = step() }
    now = end
    collect(client)
    collect(server)
  }

  private var nextTime: Int64? {
    let timers = [client.connections.nextDue, server.connections.nextDue].compactMap { $0?.nanoseconds }
    return (timers + flights.map(\.time)).min()
  }

  /// Both are established.
  static func established(
    _ path: SimulatedPath = SimulatedPath(), client: ConnectionConfiguration = ConnectionConfiguration(),
    server: ConnectionConfiguration = ConnectionConfiguration()
  ) -> SimulatedPair {
    let pair = SimulatedPair(path, client: client, server: server)
    pair.open()
    pair.run(4 * path.delay)
    pair.log = []
    return pair
  }

  /// An end writes bytes, and sends what it may.
  func write(_ end: End, _ count: Int, seed: UInt64 = 1) {
    var random = SeededGenerator(seed: seed)
    let bytes = random.bytes(count)
    let taken = bytes.withUnsafeBytes { end.connections.write(end.connection, $0) }
    #expect(taken == count)
    end.connections.transmit(end.connection, at: time, into: &end.outbox)
    post()
  }

  /// An end reads all that is there.
  func read(_ end: End) -> [UInt8] {
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = buffer.withUnsafeMutableBytes {
        end.connections.read(end.connection, into: $0, at: time, into: &end.outbox)
      }
      if count == 0 { break }
      result += buffer[..<count]
    }
    post()
    return result
  }

  /// A segment that nobody sent comes to an end: numbers are relative to what the end expects and has sent.
  func forge(
    to end: End, sequence: Int32 = 0, acknowledgment: Int32 = 0, _ flags: TCPFlags, payload: [UInt8] = [],
    window: UInt16 = 65_535, timestamp: UInt32? = nil
  ) {
    let block = end.connections.block(end.connection)
    var options = TCPOptions()
    if block.traits.contains(.timestamps) {
      var bytes: [UInt8] = [1, 1, 8, 10]
      let value = timestamp ?? block.timestampRecent
      for shift in stride(from: 24, through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(shift)))
      }
      bytes += [0, 0, 0, 0]
      options = bytes.withUnsafeBytes { TCPOptions($0.baseAddress!, length: 12) }
    }
    (payload + [0]).withUnsafeBytes { bytes in
      let segment = IncomingSegment(
        sequence: SequenceNumber(block.rcvNxt.rawValue &+ UInt32(bitPattern: sequence)),
        acknowledgment: SequenceNumber(block.sndNxt.rawValue &+ UInt32(bitPattern: acknowledgment)), flags: flags,
        window: window, options: options, payload: bytes.baseAddress, payloadLength: UInt32(payload.count))
      end.connections.receive(end.connection, segment, at: time, into: &end.outbox)
    }
    post()
    collect(end)
  }

  func state(_ end: End) -> TCPState { end.connections.block(end.connection).state }

  private func deliver(_ flight: Flight) {
    let options = flight.segment.options
    var copy: [UInt8] = []
    for index in 0..<Int(flight.segment.optionsLength) { copy.append(options[index]) }
    copy.append(0)
    let parsed = copy.withUnsafeBytes { TCPOptions($0.baseAddress!, length: copy.count - 1) }
    var payload = flight.payload
    payload.append(0)
    payload.withUnsafeBytes { bytes in
      let segment = IncomingSegment(
        sequence: SequenceNumber(flight.segment.header.sequence),
        acknowledgment: SequenceNumber(flight.segment.header.acknowledgment), flags: flight.segment.header.flags,
        window: flight.segment.header.window, options: parsed, payload: bytes.baseAddress,
        payloadLength: UInt32(flight.payload.count))
      if flight.to == 0 {
        if client.end == nil { client.connections.receive(client.connection, segment, at: time, into: &client.outbox) }
        return
      }
      if server.connection == 0 {
        guard segment.flags.contains(.syn) else { return }
        server.connection = server.connections.accept(
          segment, Self.key.reversed, serverConfiguration,
          iss: SequenceNumber(UInt32.random(in: 0 ... .max, using: &random)), at: time, into: &server.outbox)
      } else if server.end == nil {
        server.connections.receive(server.connection, segment, at: time, into: &server.outbox)
      }
    }
  }
}
