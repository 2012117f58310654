import MOSCore
import Middleboxes

/// The input is a byte of settings and what two sides send: a side's number and a length before each part (see
/// `SidedParts`). However it is cut the same is handed out, each hello ends once, and no memory is kept.
let tlsTarget = Target(
  name: "tls",
  run: { data, size in
    guard let data, size >= 2 else { return 0 }
    let input = UnsafeRawBufferPointer(start: data, count: size)
    let limit = 1 << (4 + Int(input[0] & 15))
    let parts = SidedParts(UnsafeRawBufferPointer(rebasing: input[1...]))
    let whole = play(parts, limit) { $0 }
    check(whole)
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
    let seed = SidedParts.seed(of: capture) { payload in
      payload.count > 5 && payload[0] == 22 && payload[1] == 3
    }
    return seed.isEmpty ? [] : [[12] + seed]
  })

private func play(_ parts: SidedParts, _ limit: Int, _ length: (Int) -> Int) -> [TLSTranscript.Entry] {
  var transcript = TLSTranscript(messageLimit: limit)
  parts.play(length) { bytes, side in
    if bytes.isEmpty { transcript.skip(from: side) } else { transcript.take(bytes, from: side) }
  }
  transcript.end()
  precondition(transcript.partialHellos == 0, "something is kept of a flow that is over")
  return transcript.entries
}

private func check(_ entries: [TLSTranscript.Entry]) {
  for side in Side.allCases {
    let own = entries.filter { $0.sender == side }
    precondition(own.count { $0.name == "end" } <= 1, "two hellos of a side")
    for entry in own {
      switch entry.name {
      case "ja3.hash", "ja3s.hash": precondition(entry.bytes.count == 32, "no MD5")
      case "ja4.hash": precondition(entry.bytes.count == 36, "no JA4")
      case "tls.sni": precondition(!entry.bytes.isEmpty, "a name without bytes")
      default: break
      }
    }
  }
}
