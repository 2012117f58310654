import MOSCore

/// Reads a script's lines.
///
/// A segment, its numbers relative to the ISNs (those of the client 1,000,000, of the server 5,000,000 unless the script
/// says `isn CLIENT SERVER`); everything behind the flags is optional and in any order:
///
///     0.010 c > PA. seq 1 ack 1 win 1000 "text" <mss 1460,ws 7,sack,ts 100 0,md5>
///
/// Flags are the letters S F R P A U E W (and `.` for nothing more); `c` and `s` are the ends. `x40` behind a text repeats
/// it. `ttl N`, `urg N`, `badsum`, `bad ANOMALY` (the decoder refused it), `missing N` (payload bytes cut off by the
/// capture), `port N` (another client port), `nat N` (the client has the address 192.0.2.1 and the port N), `udp`,
/// `unselected`. `seqraw N` and `ackraw N` are absolute. `time +N` moves packet time on without a packet.
///
/// `drop`: dropped between its two steps; `undone`: dropped behind its second step, whose events have `undone` before them;
/// `revocable`: it could have been.
///
/// Behind `=>` stands what the receiver gets otherwise than it was sent, all else being the same; `flags FA.` for flags.
/// `translated`: the ends count in different numbers from this segment on.
///
///     c > PA. seq 1 ack 1 "GET" => "GETGET"
///
/// An expectation on what the lines since the last expectations did, or on the state now:
///
///     = newData server "text"     = anomaly resetNotExact     = no anomaly      = retransmission server data differs
///     = gap server 10 at 5        = count 2 newData           = order newData server, stateChange server CLOSE_WAIT
///     = stream server "text"      = client ESTABLISHED        = end fin         = ends reused fin
///     = open      = midstream     = packets client 3          = flows 2         = statistic rejected 5
///
/// An event is named by its first words: `outOfOrder server 10 at 20` also by `outOfOrder` and `outOfOrder server 10`.
package struct ScriptParser {
  package static let clientISN: UInt32 = 1_000_000
  package static let serverISN: UInt32 = 5_000_000

  package enum Line {
    case segment(ScriptedSegment)
    case wait(Double)
    case expect([String], text: String?)
  }

  package var clientISN = ScriptParser.clientISN
  package var serverISN = ScriptParser.serverISN
  private var clock = 0.0

  package init() {}

  package struct Failure: Error, CustomStringConvertible {
    package var description: String
  }

  package mutating func parse(_ script: String) throws -> [(source: String, line: Line)] {
    var result: [(String, Line)] = []
    for raw in script.split(separator: "\n", omittingEmptySubsequences: true) {
      let source = raw.drop { $0 == " " }
      if source.isEmpty || source.hasPrefix("#") { continue }
      var words = try tokens(String(source))
      if words.first == "isn" {
        clientISN = UInt32(words[1]) ?? 0
        serverISN = UInt32(words[2]) ?? 0
      } else if words.first == "time" {
        clock += Double(words[1].dropFirst()) ?? 0
        result.append((String(source), .wait(clock)))
      } else if words.first == "=" {
        words.removeFirst()
        let text = words.first { $0.hasPrefix("\"") }.map { String($0.dropFirst()) }
        result.append((String(source), .expect(words.filter { !$0.hasPrefix("\"") }, text: text)))
      } else {
        result.append((String(source), .segment(try segment(words))))
      }
    }
    return result
  }

  /// Words; a quoted text is one word that begins with a quote, options in angle brackets one that begins with `<`.
  private func tokens(_ line: String) throws -> [String] {
    var words: [String] = []
    var current = ""
    var closing: Character?
    for character in line {
      if let end = closing {
        if character == end {
          words.append(current)
          current = ""
          closing = nil
        } else {
          current.append(character)
        }
      } else if character == "\"" || character == "<" {
        current = String(character)
        closing = character == "\"" ? "\"" : ">"
      } else if character == " " {
        if !current.isEmpty { words.append(current) }
        current = ""
      } else {
        current.append(character)
      }
    }
    if closing != nil { throw Failure(description: "unclosed in: \(line)") }
    if !current.isEmpty { words.append(current) }
    return words
  }

  private mutating func segment(_ words: [String]) throws -> ScriptedSegment {
    var segment = ScriptedSegment()
    var rest = words[...]
    if let time = Double(rest.first ?? "") {
      clock = time
      rest.removeFirst()
    } else {
      clock += 0.001
    }
    segment.time = clock
    guard rest.count >= 3, let end = rest.popFirst(), end == "c" || end == "s", rest.popFirst() == ">" else {
      throw Failure(description: "not a segment: \(words.joined(separator: " "))")
    }
    segment.sender = end == "c" ? .client : .server
    let own = segment.sender == .client ? clientISN : serverISN
    let other = segment.sender == .client ? serverISN : clientISN
    segment.flags = try flags(rest.popFirst() ?? "")
    segment.sequence = own
    let change = rest.firstIndex(of: "=>") ?? rest.endIndex
    try read(rest[..<change], into: &segment, own, other)
    if change != rest.endIndex {
      var changed = segment
      try read(rest[(change + 1)...], into: &changed, own, other)
      segment.changed = [changed]
    }
    return segment
  }

  private func read(
    _ words: ArraySlice<String>, into segment: inout ScriptedSegment, _ own: UInt32, _ other: UInt32
  ) throws {
    var rest = words
    func number() throws -> Int64 {
      guard let word = rest.popFirst(), let value = Int64(word) else { throw Failure(description: "number missing") }
      return value
    }
    while let word = rest.popFirst() {
      switch word {
      case "seq": segment.sequence = own &+ UInt32(truncatingIfNeeded: try number())
      case "ack":
        segment.acknowledgment = other &+ UInt32(truncatingIfNeeded: try number())
        segment.flags.insert(.ack)
      case "seqraw": segment.sequence = UInt32(truncatingIfNeeded: try number())
      case "ackraw": segment.acknowledgment = UInt32(truncatingIfNeeded: try number())
      case "win": segment.window = UInt16(truncatingIfNeeded: try number())
      case "urg": segment.urgentPointer = UInt16(truncatingIfNeeded: try number())
      case "ttl": segment.timeToLive = UInt8(truncatingIfNeeded: try number())
      case "missing": segment.missingPayload = UInt32(truncatingIfNeeded: try number())
      case "port": segment.clientPort = UInt16(truncatingIfNeeded: try number())
      case "badsum":
        segment.anomalies.insert(.tcpChecksumInvalid)
        segment.isAcceptable = false
      case "bad":
        let name = rest.popFirst() ?? ""
        guard let anomaly = Anomaly.allCases.first(where: { $0.name == name }) else {
          throw Failure(description: "unknown anomaly \(name)")
        }
        segment.anomalies.insert(anomaly)
        segment.isAcceptable = false
      case "reserved": segment.flags.insert(TCPFlags(rawValue: 0xe00))
      case "nat":
        segment.clientAddress = 0xc000_0201
        segment.clientPort = UInt16(truncatingIfNeeded: try number())
      case "udp": segment.kind = .udp
      case "unselected": segment.isSelected = false
      case "drop": segment.isDropped = true
      case "undone": segment.isUndone = true
      case "revocable": segment.isRevocable = true
      case "translated": segment.translates = true
      case "flags": segment.flags = try flags(rest.popFirst() ?? "")
      default:
        if word.hasPrefix("\"") {
          segment.payload = Array(word.dropFirst().utf8)
        } else if word.hasPrefix("x"), let times = Int(word.dropFirst()) {
          segment.payload = (0..<times).flatMap { _ in segment.payload }
        } else if word.hasPrefix("<") {
          segment.options = try options(String(word.dropFirst()))
        } else {
          throw Failure(description: "unknown word \(word)")
        }
      }
    }
  }

  private func flags(_ letters: String) throws -> TCPFlags {
    var flags: TCPFlags = []
    for letter in letters {
      switch letter {
      case "S": flags.insert(.syn)
      case "F": flags.insert(.fin)
      case "R": flags.insert(.rst)
      case "P": flags.insert(.psh)
      case "A": flags.insert(.ack)
      case "U": flags.insert(.urg)
      case "E": flags.insert(.ece)
      case "W": flags.insert(.cwr)
      case ".": break
      default: throw Failure(description: "unknown flag \(letter)")
      }
    }
    return flags
  }

  private func options(_ text: String) throws -> [UInt8] {
    func bytes(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
    var result: [UInt8] = []
    for option in text.split(separator: ",") {
      let words = option.split(separator: " ").map(String.init)
      func value(_ index: Int) -> UInt32 { index < words.count ? UInt32(words[index]) ?? 0 : 0 }
      switch words.first ?? "" {
      case "mss": result += [2, 4] + bytes(value(1))[2...]
      case "ws": result += [3, 3, UInt8(truncatingIfNeeded: value(1))]
      case "sack": result += [4, 2]
      case "ts": result += [1, 1, 8, 10] + bytes(value(1)) + bytes(value(2))
      case "md5": result += [19, 18] + [UInt8](repeating: 0xab, count: 16)
      case "len0": result += [99, 0, 0, 0]
      case "past": result += [99, 60, 0, 0]
      case "nop": result += [1]
      case "tfo": result += [34, 10, 1, 2, 3, 4, 5, 6, 7, 8]
      default: throw Failure(description: "unknown option \(option)")
      }
    }
    return result
  }
}
