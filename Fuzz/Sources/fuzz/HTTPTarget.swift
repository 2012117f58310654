import MOSCore
import Middleboxes

/// The input is what both sides of a flow send (see `HTTPScript`). However it is cut the same buffers are handed out, no
/// larger than the limits, and each message ends once.
let httpTarget = Target(
  name: "http",
  run: { data, size in
    guard let data, size >= 2 else { return 0 }
    let script = HTTPScript(UnsafeRawBufferPointer(start: data, count: size))
    let whole = script.play { $0 }
    check(whole, script)
    var state = UInt32(data[0]) &* 2_654_435_761 &+ UInt32(size)
    let cut = script.play { rest in
      state = state &* 1_664_525 &+ 1_013_904_223
      return min(rest, Int(state >> 28))
    }
    precondition(cut == whole, "pieces hand out what the whole does not")
    precondition(script.play { min($0, 1) } == whole, "bytes hand out what the whole does not")
    return 0
  },
  seeds: { capture in HTTPScript.examples + [HTTPScript.head, HTTPScript.packets(of: capture)] })

private func check(_ entries: [HTTPTranscript.Entry], _ script: HTTPScript) {
  var ended: Set<[UInt32]> = []
  var bodies: [[UInt32]: Int] = [:]
  let hasGap = entries.contains { $0.name == "!gap" }
  for entry in entries where !entry.name.hasPrefix("!") {
    let message = [entry.transaction, UInt32(entry.sender.rawValue)]
    precondition(!ended.contains(message), "\(entry.name) of a message that was over")
    switch entry.name {
    case "end": ended.insert(message)
    case "file.data", "http.request_body":
      precondition(bodies[message] == nil || hasGap, "two bodies of a message")
      bodies[message, default: 0] += entry.bytes.count
      precondition(bodies[message, default: 0] <= script.bodyLimit, "a body beyond the limit")
    // Names and values have a separator more on each line than they may have had.
    default: precondition(entry.bytes.count <= 4 * script.headLimit + 16, "a head beyond the limit")
    }
  }
}

/// The script's language: two bytes of settings, then what a side sends, the client at first. A zero begins an action:
///
/// | next byte | meaning |
/// |---|---|
/// | 1, 2 | what follows comes from the client, from the server |
/// | 3 | this side sends no more |
/// | 4 and a byte n | n bytes were lost |
/// | any other | a zero |
struct HTTPScript {
  enum Step {
    case sends(Side, [UInt8])
    case closes(Side)
    case loses(Side, UInt64)
  }

  let headLimit: Int
  let bodyLimit: Int
  private var steps: [Step] = []

  init(_ input: UnsafeRawBufferPointer) {
    headLimit = 1 << (4 + Int(input[0] & 15))
    bodyLimit = 1 << Int(input[1] & 15)
    var side = Side.client
    var sent: [UInt8] = []
    var index = 2
    func add(_ step: Step? = nil, to steps: inout [Step]) {
      if !sent.isEmpty { steps.append(.sends(side, sent)) }
      sent.removeAll()
      if let step { steps.append(step) }
    }
    while index < input.count {
      let byte = input[index]
      index += 1
      guard byte == 0, index < input.count else {
        sent.append(byte)
        continue
      }
      let action = input[index]
      index += 1
      switch action {
      case 1, 2:
        add(to: &steps)
        side = action == 1 ? .client : .server
      case 3: add(.closes(side), to: &steps)
      case 4 where index < input.count:
        add(.loses(side, UInt64(input[index])), to: &steps)
        index += 1
      default: sent.append(0)
      }
    }
    add(to: &steps)
  }

  /// Plays it to an inspector; `length` says how many of the bytes that are left come in the next piece.
  func play(_ length: (Int) -> Int) -> [HTTPTranscript.Entry] {
    var transcript = HTTPTranscript(headLimit: headLimit, bodyLimit: bodyLimit)
    for step in steps {
      switch step {
      case .closes(let side): transcript.finish(side)
      case .loses(let side, let count): transcript.skip(count, from: side)
      case .sends(let side, let bytes):
        var rest = bytes[...]
        while !rest.isEmpty {
          let count = length(rest.count)
          // A copy, which the sanitizer watches.
          Array(rest.prefix(count)).withUnsafeBytes { transcript.take($0, from: side) }
          rest = rest.dropFirst(count)
        }
      }
    }
    transcript.end()
    return transcript.entries
  }

  /// Limits beyond which nothing of the examples goes.
  static let head: [UInt8] = [12, 14]

  /// A compressed body, chunks with a trailer, interim responses, a tunnel refused, HTTP/0.9, losses.
  static var examples: [[UInt8]] {
    let gzip: [UInt8] = [0x1f, 0x8b, 8] + [UInt8](repeating: 0xff, count: 1) + Array("not".utf8)
    let texts = [
      "GET /a/%2e%2e/%u0041?b=%41 HTTP/1.1\r\nHost: A.b:80\r\nUser-Agent: x\r\n y\r\nCookie: c\r\n\r\n\0\u{2}"
        + "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: u\r\n\r\n",
      "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n\0\u{2}HTTP/1.1 100 Continue\r\n\r\n\0\u{1}"
        + "0123\0\u{4}\u{3}78GET /2 HTTP/1.1\r\n\r\n\0\u{2}HTTP/1.1 304 No\r\n\r\nHTTP/1.0 200 OK\r\n\r\nrest\0\u{3}",
      "CONNECT a:1 HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\n\r\n\0\u{2}HTTP/1.1 407 No\r\nContent-Length: 1\r\n\r\nx"
        + "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
      "GET /c HTTP/1.1\r\nUpgrade: x\r\n\r\n\0\u{2}HTTP/1.1 101 Y\r\n\r\nz", "GET /old\r\n\0\u{2}<html>\0\u{3}",
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\nffffffffffffffffff\r\na",
    ]
    let encoded = Array("GET / HTTP/1.0\r\n\r\n\0\u{2}HTTP/1.0 200 OK\r\nContent-Encoding: deflate, gzip\r\n\r\n".utf8)
    return texts.map { head + Array($0.utf8) } + [head + encoded + gzip]
  }

  /// What of a capture's frames looks like HTTP, one behind the other.
  static func packets(of capture: String) -> [UInt8] {
    var script = head
    for frame in frames(of: capture, atMost: 40) {
      for (word, side) in [("GET /", 1), ("POST /", 1), ("HTTP/1.", 2)] as [(String, UInt8)] {
        guard let start = firstPlace(of: Array(word.utf8), in: frame.bytes) else { continue }
        script += [0, side]
        for byte in frame.bytes[start...] { script += byte == 0 ? [0, 0] : [byte] }
        break
      }
    }
    return script.count > head.count ? script : []
  }

  private static func firstPlace(of word: [UInt8], in bytes: [UInt8]) -> Int? {
    guard bytes.count >= word.count else { return nil }
    return (0...bytes.count - word.count).first { bytes[$0..<$0 + word.count].elementsEqual(word) }
  }
}
