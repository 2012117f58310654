// The code of the article "Filters: dropping and changing packets"; see StepByStep.swift.
import EventDSL

// snippet.drop
struct NoSuchPage: Middlebox {
  let word = Array("GET /missing".utf8)

  var events: some EventGraph {
    Filter(.packet) { event, packet in
      guard event.sender == .client, let request = event.packet else { return }
      let isUnwanted = request.withPayload { $0.withUnsafeBytes { $0.starts(with: word) } }
      if isUnwanted { packet.drop() }
    }
    On(.newData) { event in
      if event.receiver == .server { event.report("a request of \(event.length) bytes at \(event.offset)") }
    }
    On(.gap) { event in
      event.report("\(event.length) bytes that the \(event.receiver) acknowledged, and did not get from here")
    }
  }
}
// snippet.end

// snippet.remove
struct NamelessServer: Middlebox {
  let line = Array("Server: nginx\r\n".utf8)
  let received = FlowLocal(UInt64(0))

  var events: some EventGraph {
    Filter(.packet) { event, packet in
      guard event.sender == .server, let answer = event.packet else { return }
      let place = answer.withPayload { $0.withUnsafeBytes { $0.firstRange(of: line) } }
      guard let place else { return }
      let outcome = packet.remove(at: place.lowerBound, count: place.count)
      if outcome != .done { event.report("not removed: \(outcome)") }
    }
    On(.newData) { event in
      if event.receiver == .client { event.flow[received] += event.length }
    }
    On(.connectionEnd) { event in
      let sent = event.flow.server.counters.streamBytes
      event.report("\(sent) bytes sent, \(event.flow[received]) received, \(event.reason)")
    }
  }
}
// snippet.end

// snippet.hold
/// Scans what a client sends as a whole, before its server gets any of it.
struct UploadScan: Middlebox {
  var word = Array("password".utf8)
  let upload = StreamReader(of: .server)

  var events: some EventGraph {
    Filter(.newData) { event, packet in
      if event.receiver == .server { packet.hold() }
    }
    On(.stateChange) { event in
      guard event.side == .server, event.new == .closeWait else { return }
      let waiting = event.flow.heldPackets(from: .client)
      var isFound = false
      event.flow.read(upload) { chunk in
        guard case .bytes(let bytes) = chunk else { return .all }
        isFound = bytes.withUnsafeBytes { $0.firstRange(of: word) != nil }
        return .more(after: 0)
      }
      if isFound { event.flow.dropHeld(from: .client) } else { event.flow.releaseHeld(from: .client) }
      event.report("\(waiting) packets waited, \(isFound ? "and were dropped" : "and left")")
    }
  }
}
// snippet.end

// snippet.answer
struct NoNameServers: Middlebox {
  let ownAddress = IPAddress("192.0.2.254")!

  var events: some EventGraph {
    Filter(.unknownFrame) { event, packet in
      guard let query = event.packet, query.kind == .udp, query.key.destinationPort == 53 else { return }
      packet.drop()
      let isTold = packet.answer(.administrativelyProhibited, from: ownAddress)
      event.report("\(query.key.source) \(isTold ? "was told" : "was not told")")
    }
  }
}
// snippet.end
