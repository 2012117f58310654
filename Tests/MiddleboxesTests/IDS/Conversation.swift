import MOSCore
import TestSupport

/// A TCP connection in which both sides say something, one after the other.
struct Conversation {
  /// Who says what.
  var turns: [(sender: Side, bytes: [UInt8])] = []
  var clientPort: UInt16 = 40_000
  var serverPort: UInt16 = 80

  /// Frames of at most `segment` bytes of payload, handshake and FINs included.
  func frames(segment: Int) -> [[UInt8]] {
    var client = PacketBuilder()
    client.source = [10, 0, 0, 1]
    client.destination = [10, 0, 0, 2]
    (client.sourcePort, client.destinationPort) = (clientPort, serverPort)
    client.window = 65_535
    var next: [Side: UInt32] = [.client: 1_000, .server: 5_000]
    var result: [[UInt8]] = []
    func send(_ sender: Side, _ flags: UInt16, _ payload: ArraySlice<UInt8> = []) {
      var builder = sender == .client ? client : client.reversed
      (builder.flags, builder.sequence) = (flags, next[sender]!)
      builder.acknowledgment = flags & 0x10 == 0 ? 0 : next[sender.peer]!
      builder.payload = Array(payload)
      result.append(builder.tcpFrame)
      next[sender]! += UInt32(payload.count) + (flags & 0x03 == 0 ? 0 : 1)
    }
    send(.client, 0x02)
    send(.server, 0x12)
    send(.client, 0x10)
    for (sender, bytes) in turns {
      for start in stride(from: 0, to: bytes.count, by: segment) {
        send(sender, 0x18, bytes[start..<min(start + segment, bytes.count)])
      }
      send(sender.peer, 0x10)
    }
    send(.client, 0x11)
    send(.server, 0x11)
    send(.client, 0x10)
    return result
  }
}
