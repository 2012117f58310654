import EventDSL
import MOSCore
import PacketIO

@testable import Middleboxes

/// Takes what a capture's flows with port 53 send to an inspector each, as a middlebox.
final class DNSCaptureReader {
  private final class Conversation {
    var transcript = DNSTranscript()
  }

  private struct Watcher: Middlebox {
    let streams = [StreamReader(of: .client), StreamReader(of: .server)]
    let number = FlowLocal(0)
    let reader: DNSCaptureReader

    init(_ reader: DNSCaptureReader) { self.reader = reader }

    var events: some EventGraph {
      On(.packet) { event in
        guard isDNS(event.flow), let packet = event.packet, packet.kind == .udp, packet.payloadLength > 0 else {
          return
        }
        let conversation = conversation(event.flow)
        let sender = event.sender
        packet.withPayload { payload in
          payload.withUnsafeBytes { conversation.transcript.take(datagram: $0, from: sender) }
        }
      }
      On(.newData) { event in read(event.flow, event.receiver) }
      On(.gap) { event in read(event.flow, event.receiver) }
    }

    private func isDNS(_ flow: borrowing Flow) -> Bool {
      [flow.key.sourcePort, flow.key.destinationPort].contains(DNSInspector.port)
    }

    private func read(_ flow: borrowing Flow, _ receiver: Side) {
      guard isDNS(flow) else { return }
      let conversation = conversation(flow)
      flow.read(streams[receiver == .client ? 0 : 1]) { chunk in
        switch chunk {
        case .bytes(let bytes): bytes.withUnsafeBytes { conversation.transcript.take($0, from: receiver.peer) }
        case .gap, .dropped: conversation.transcript.skip(from: receiver.peer)
        }
        return .all
      }
    }

    private func conversation(_ flow: borrowing Flow) -> Conversation {
      if flow[number] == 0 {
        reader.conversations.append(Conversation())
        flow[number] = reader.conversations.count
      }
      return reader.conversations[flow[number] - 1]
    }
  }

  private var conversations: [Conversation] = []

  /// Reads a capture.
  init(path: String) throws {
    var trace = try TraceReader(paths: [path])
    var configuration = DecoderConfiguration()
    // As tshark has it.
    configuration.verifyChecksums = false
    var engine = try EventEngine([Watcher(self)]) { _ in }
    engine.play(&trace, decoder: configuration)
  }

  /// The names that were asked for, as they are on the wire.
  var names: [[UInt8]] {
    conversations.flatMap { $0.transcript.entries }.filter { $0.name == "dns.query" }.map(\.bytes)
  }
}
