// Runs a capture through an event engine with middleboxes that do nothing but listen, for counting instructions.
//
//   event-benchmark BOX CAPTURE [N]      BOX: none, three, all, read, cursor, late, user (N events), switch (N changes),
//                                        forward, nat (10.0.0.0/8 behind 198.51.100.1)
//   event-benchmark mappings BOX COUNT   what COUNT flows take in memory: BOX is keys (each flow has a second
//                                        key, as behind any translation) or nat (with 32 addresses)
import EventDSL
import Middleboxes
import PacketIO

/// Somewhere for results, so that nothing is optimised away.
struct Sum {
  private let place = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
  init() { place.initialize(to: 0) }
  var value: UInt64 {
    get { place.pointee }
    nonmutating set { place.pointee = newValue }
  }
}

/// One handler for each of the three events that nearly every middlebox has.
struct Three: Middlebox {
  let sum: Sum
  var events: some EventGraph {
    On(.connectionStart) { _ in sum.value &+= 1 }
    On(.newData) { event in sum.value &+= event.length }
    On(.connectionEnd) { _ in sum.value &+= 1 }
  }
}

/// One handler for every built-in event of flows.
struct All: Middlebox {
  let sum: Sum
  var events: some EventGraph {
    On(.packet) { _ in sum.value &+= 1 }
    On(.connectionStart) { _ in sum.value &+= 1 }
    On(.established) { _ in sum.value &+= 1 }
    On(.stateChange) { _ in sum.value &+= 1 }
    On(.newData) { event in sum.value &+= event.length }
    On(.retransmission) { _ in sum.value &+= 1 }
    On(.outOfOrder) { _ in sum.value &+= 1 }
    On(.gap) { _ in sum.value &+= 1 }
    On(.overlapConflict) { _ in sum.value &+= 1 }
    On(.anomaly) { _ in sum.value &+= 1 }
    On(.orphan) { _ in sum.value &+= 1 }
    On(.idle) { _ in sum.value &+= 1 }
    On(.connectionEnd) { _ in sum.value &+= 1 }
  }
}

/// Every byte of every stream is looked at.
struct Read: Middlebox {
  let sum: Sum
  var events: some EventGraph {
    On(.newData) { event in
      event.forEachSpan { bytes in
        var total: UInt64 = 0
        bytes.withUnsafeBytes { for word in $0.bindMemory(to: UInt64.self) { total ^= word } }
        sum.value &+= total
      }
    }
  }
}

/// The same by a reader with a cursor.
struct Cursor: Middlebox {
  let client = StreamReader(of: .client)
  let server = StreamReader(of: .server)
  let sum: Sum
  var events: some EventGraph {
    On(.newData) { event in
      event.flow.read(event.receiver == .client ? client : server) { chunk in
        guard case .bytes(let bytes) = chunk else { return .all }
        var total: UInt64 = 0
        bytes.withUnsafeBytes { for word in $0.bindMemory(to: UInt64.self) { total ^= word } }
        sum.value &+= total
        return .all
      }
    }
  }
}

/// Every byte is kept until its connection ends, and read then.
struct Late: Middlebox {
  let client = StreamReader(of: .client)
  let server = StreamReader(of: .server)
  let sum: Sum
  var events: some EventGraph {
    On(.connectionEnd) { event in
      for reader in [client, server] {
        event.flow.read(reader) { chunk in
          if case .bytes(let bytes) = chunk { sum.value &+= UInt64(bytes.byteCount) }
          return .all
        }
      }
    }
  }
}

/// Every packet passes a filter that leaves it as it is.
struct Forward: Middlebox {
  let sum: Sum
  var events: some EventGraph {
    Filter(.packet) { _, _ in sum.value &+= 1 }
  }
}

/// Many events over the same one, none of which happens.
struct Users: Middlebox {
  let sum: Sum
  let count: Int
  var keys: [UserEvent<Void>]

  init(_ sum: Sum, count: Int) {
    self.sum = sum
    self.count = count
    keys = (0..<count).map { _ in UserEvent() }
  }

  var events: some EventGraph {
    for key in keys {
      Define(key, from: .packet) { $0.packet?.window == 0 }
      On(key) { _ in sum.value &+= 1 }
    }
  }
}

/// Every packet changes what its flow listens to, `count` times.
struct Switch: Middlebox {
  let other = Subscription.off
  let sum: Sum
  let count: Int
  var events: some EventGraph {
    On(.packet) { event in
      for _ in 0..<count {
        if event.packet?.window == 1 { event.flow.start(other) } else { event.flow.stop(other) }
      }
    }
    On(.gap, as: other) { _ in sum.value &+= 1 }
  }
}

func run() throws {
  let arguments = CommandLine.arguments
  let sum = Sum()
  let number = arguments.count > 3 ? Int(arguments[3]) ?? 1 : 1
  if arguments[1] == "mappings" {
    let text = "{internal: 10.0.0.0/8, external: [\((1...32).map { "198.51.100.\($0)" }.joined(separator: ", "))]}"
    let nat = NAT(try NATConfiguration(bytes: Array(text.utf8), file: "benchmark"), seed: 1)
    return try measureMappings(arguments[2] == "nat" ? [nat] : [Keys()], count: number)
  }
  let boxes: [any Middlebox] =
    switch arguments[1] {
    case "three": [Three(sum: sum)]
    case "all": [All(sum: sum)]
    case "read": [Read(sum: sum)]
    case "cursor": [Cursor(sum: sum)]
    case "late": [Late(sum: sum)]
    case "user": [Users(sum, count: number)]
    case "forward": [Forward(sum: sum)]
    case "nat":
      [
        NAT(
          try NATConfiguration(
            bytes: Array("{internal: 10.0.0.0/8, external: 198.51.100.1}".utf8), file: "benchmark"), seed: 1)
      ]
    case "switch": [Switch(sum: sum, count: number)]
    default: []
    }
  var engine = try EventEngine(boxes)
  // They lie in the reader's window.
  engine.changesFramesInPlace = true
  var decoderConfiguration = DecoderConfiguration()
  decoderConfiguration.verifyChecksums = false
  var decoder = PacketDecoder(configuration: decoderConfiguration)
  var reader = try CaptureReader(path: arguments[2])
  let frames = UnsafeMutablePointer<CapturedFrame>.allocate(capacity: EventEngine.burst)
  let packets = UnsafeMutablePointer<DecodedPacket>.allocate(capacity: EventEngine.burst)
  var clock = Timestamp(nanoseconds: .min)
  var count: UInt64 = 0
  while true {
    let taken = try reader.next(into: frames, capacity: EventEngine.burst)
    if taken == 0 { break }
    decoder.beginBurst()
    decoder.decode(frames, count: taken, number: count &+ 1, clock: &clock, into: packets)
    count &+= UInt64(taken)
    engine.process(packets, count: taken)
    engine.output.removeAll()
  }
  engine.finish(releases: false)
  engine.collect()
  print("\(count) packets, sum \(sum.value), ended \(engine.count(of: .connectionEnd))")
}

try run()
