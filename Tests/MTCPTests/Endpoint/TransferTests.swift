import MOSCore
import Testing

@testable import MTCP

/// Whole connections between two ends of ours, over paths that lose, delay, duplicate and reorder.
@Suite("Transfers in virtual time")
struct TransferTests {
  /// Both ends send bytes, each closes when it has sent all; returns what each has read.
  private func transfer(
    _ pair: SimulatedPair, _ clientBytes: [UInt8], _ serverBytes: [UInt8]
  ) -> (atServer: [UInt8], atClient: [UInt8]) {
    pair.open()
    var atServer: [UInt8] = []
    var atClient: [UInt8] = []
    var clientSent = 0
    var serverSent = 0
    while pair.step() {
      drive(pair, pair.client, clientBytes, &clientSent, &atClient)
      if pair.server.connection != 0 { drive(pair, pair.server, serverBytes, &serverSent, &atServer) }
      pair.post()
    }
    return (atServer, atClient)
  }

  private func drive(
    _ pair: SimulatedPair, _ end: SimulatedPair.End, _ bytes: [UInt8], _ sent: inout Int, _ read: inout [UInt8]
  ) {
    guard end.end == nil else { return }
    var buffer = [UInt8](repeating: 0, count: 8_192)
    while true {
      let count = buffer.withUnsafeMutableBytes {
        end.connections.read(end.connection, into: $0, at: pair.time, into: &end.outbox)
      }
      if count == 0 { break }
      read += buffer[..<count]
    }
    guard end.events.contains(.established) else { return }
    if sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes { end.connections.write(end.connection, $0) }
      sent += count
      if count > 0 { end.connections.transmit(end.connection, at: pair.time, into: &end.outbox) }
    }
    if sent == bytes.count { end.connections.close(end.connection, at: pair.time, into: &end.outbox) }
  }

  private func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var random = SeededGenerator(seed: seed)
    return random.bytes(count)
  }

  @Test("A clean path: bytes both ways, and both ends close")
  func clean() {
    let pair = SimulatedPair()
    let request = bytes(1_000, seed: 1)
    let answer = bytes(300_000, seed: 2)
    let result = transfer(pair, request, answer)
    #expect(result.atServer == request)
    #expect(result.atClient == answer)
    #expect(pair.client.end == .closed && pair.server.end == .closed, "\(pair.log.joined(separator: "\n"))")
    #expect(pair.client.connections.count == 0 && pair.server.connections.count == 0)
  }

  @Test(
    "Random paths and options: all bytes arrive, both ends close, and all memory is given back",
    arguments: 0..<2_000 as Range<UInt64>)
  func random(seed: UInt64) {
    var random = SeededGenerator(seed: seed &* 7_919)
    var path = SimulatedPath()
    path.delay = .random(in: 10_000...100_000_000, using: &random)
    path.jitter = Bool.random(using: &random) ? 0 : .random(in: 0...path.delay, using: &random)
    path.loss = [0, 0.001, 0.01, 0.05, 0.2].randomElement(using: &random)!
    path.duplication = [0, 0.01, 0.1].randomElement(using: &random)!
    path.reordering = [0, 0.01, 0.2].randomElement(using: &random)!
    func configuration() -> ConnectionConfiguration {
      var configuration = ConnectionConfiguration()
      configuration.usesSACK = Int.random(in: 0..<4, using: &random) > 0
      configuration.usesTimestamps = Int.random(in: 0..<4, using: &random) > 0
      configuration.usesWindowScale = Int.random(in: 0..<4, using: &random) > 0
      configuration.maximumSegmentSize = [536, 1_220, 1_460, 8_960].randomElement(using: &random)!
      configuration.receiveBytes = [4_096, 65_536, 1 << 20].randomElement(using: &random)!
      configuration.sendBytes = [4_096, 65_536, 1 << 20].randomElement(using: &random)!
      configuration.delaysSmallSegments = Bool.random(using: &random)
      return configuration
    }
    let pair = SimulatedPair(path, seed: seed, client: configuration(), server: configuration())
    let request = bytes(.random(in: 0...60_000, using: &random), seed: seed + 1)
    let answer = bytes(.random(in: 0...60_000, using: &random), seed: seed + 2)
    let result = transfer(pair, request, answer)
    let log = pair.log.suffix(60).joined(separator: "\n")
    #expect(request.starts(with: result.atServer) && answer.starts(with: result.atClient), "\(log)")
    // Where one of five is lost, an end may give up; and the last acknowledgment of a FIN may be lost until nobody is there to
    // answer.
    let hasGivenUp = path.loss >= 0.2 && (pair.client.end == .timedOut || pair.server.end == .timedOut)
    #expect(hasGivenUp || result.atServer == request && result.atClient == answer, "\(log)")
    #expect(hasGivenUp || pair.client.end == .closed && pair.server.end == .closed, "\(log)")
    if hasGivenUp { return }
    #expect(pair.client.isEmpty && pair.server.isEmpty)
  }
}
