import MOSCore
import Middleboxes

/// The input is a byte of settings and what two sides send (see `SidedParts`), taken once as datagrams and once as streams.
/// However a stream is cut the same is handed out, no name is longer than the limit, and no memory is kept.
let dnsTarget = Target(
  name: "dns",
  run: { data, size in
    guard let data, size >= 2 else { return 0 }
    let input = UnsafeRawBufferPointer(start: data, count: size)
    let limit = 1 + Int(input[0]) * 4
    let parts = SidedParts(UnsafeRawBufferPointer(rebasing: input[1...]))
    var datagrams = DNSTranscript(nameLimit: limit)
    parts.play({ $0 }) { bytes, side in datagrams.take(datagram: bytes, from: side) }
    datagrams.end()
    check(datagrams.entries, limit)
    let whole = play(parts, limit) { $0 }
    check(whole, limit)
    var state = UInt32(data[0]) &* 2_654_435_761 &+ UInt32(size)
    let cut = play(parts, limit) { rest in
      state = state &* 1_664_525 &+ 1_013_904_223
      return min(rest, Int(state >> 28))
    }
    precondition(cut == whole, "pieces hand out what the whole does not")
    precondition(play(parts, limit) { min($0, 1) } == whole, "bytes hand out what the whole does not")
    return 0
  },
  seeds: { capture in
    let seed = SidedParts.seed(of: capture, port: 53) { $0.count >= 12 }
    if seed.isEmpty { return [] }
    return [[255] + seed, [255] + SidedParts.inStreams(seed)]
  })

private func play(_ parts: SidedParts, _ limit: Int, _ length: (Int) -> Int) -> [DNSTranscript.Entry] {
  var transcript = DNSTranscript(nameLimit: limit)
  parts.play(length) { bytes, side in
    if bytes.isEmpty { transcript.skip(from: side) } else { transcript.take(bytes, from: side) }
  }
  transcript.end()
  precondition(transcript.partialMessages == 0, "something is kept of a flow that is over")
  return transcript.entries
}

private func check(_ entries: [DNSTranscript.Entry], _ limit: Int) {
  var ended: Set<[UInt32]> = []
  for entry in entries {
    let message = [entry.number, UInt32(entry.sender.rawValue)]
    precondition(!ended.contains(message), "\(entry.name) of a message that was over")
    if entry.name.hasPrefix("end") { ended.insert(message) }
    if entry.name == "dns.query" { precondition(entry.bytes.count <= limit, "a name beyond the limit") }
  }
}
