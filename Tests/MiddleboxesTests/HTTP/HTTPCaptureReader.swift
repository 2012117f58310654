import EventDSL
import Foundation
import MOSCore
import PacketIO

@testable import Middleboxes

/// Takes the streams of a capture's connections to an inspector each, as a middlebox.
final class HTTPCaptureReader {
  private final class Connection {
    var transcript = HTTPTranscript()

    func take(_ chunk: StreamChunk, from side: Side) {
      switch chunk {
      case .bytes(let bytes): bytes.withUnsafeBytes { transcript.take($0, from: side) }
      case .gap(let count), .dropped(let count): transcript.skip(count, from: side)
      }
    }
  }

  private struct Watcher: Middlebox {
    let requests = StreamReader(of: .server)
    let responses = StreamReader(of: .client)
    let number = FlowLocal(0)
    let reader: HTTPCaptureReader

    var events: some EventGraph {
      On(.newData) { event in read(event.flow, event.receiver) }
      On(.gap) { event in read(event.flow, event.receiver) }
      On(.connectionEnd) { event in
        for receiver in Side.allCases { read(event.flow, receiver) }
        if event.flow[number] > 0 { reader.connections[event.flow[number] - 1].transcript.end() }
      }
    }

    func read(_ flow: borrowing Flow, _ receiver: Side) {
      flow.read(receiver == .server ? requests : responses) { chunk in
        if flow[number] == 0 {
          reader.connections.append(Connection())
          flow[number] = reader.connections.count
        }
        reader.connections[flow[number] - 1].take(chunk, from: receiver.peer)
        return .all
      }
    }
  }

  private var connections: [Connection] = []

  /// Reads a capture.
  init(path: String) throws {
    var trace = try TraceReader(paths: [path])
    var configuration = DecoderConfiguration()
    // As tshark has it.
    configuration.verifyChecksums = false
    var engine = try EventEngine([Watcher(reader: self)]) { _ in }
    engine.play(&trace, decoder: configuration)
  }

  /// What was handed out of each connection that is HTTP.
  var conversations: [[HTTPTranscript.Entry]] {
    connections.compactMap { $0.transcript.entries.isEmpty ? nil : $0.transcript.entries }
  }
}
