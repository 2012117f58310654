import EventDSL

/// A middlebox with readers, whose handlers a test gives.
struct ReaderBox: Middlebox {
  let readers: [StreamReader]
  var name: String { title }
  var title = "Box"
  var onStart: (borrowing Event<ConnectionStart>) -> Void = { _ in }
  var onState: (borrowing Event<StateChange>) -> Void = { _ in }
  var onData: (borrowing Event<NewData>) -> Void = { _ in }
  var onGap: (borrowing Event<StreamRange>) -> Void = { _ in }
  var onEnd: (borrowing Event<ConnectionEnd>) -> Void = { _ in }

  init(_ readers: StreamReader..., change: (inout ReaderBox) -> Void = { _ in }) {
    self.readers = readers
    change(&self)
  }

  var events: some EventGraph {
    On(.connectionStart, do: onStart)
    On(.stateChange, do: onState)
    On(.newData, do: onData)
    On(.gap, do: onGap)
    On(.connectionEnd, do: onEnd)
  }
}

extension RawSpan {
  var text: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
  var array: [UInt8] { withUnsafeBytes { Array($0) } }
}

extension StreamChunk {
  var text: String {
    switch self {
    case .bytes(let bytes): bytes.text
    case .gap(let count): "<gap \(count)>"
    case .dropped(let count): "<dropped \(count)>"
    }
  }
}

extension Flow {
  /// All that a reader has to read, in words, with a bar between chunks.
  func text(_ reader: StreamReader) -> String {
    var chunks: [String] = []
    read(reader) { chunk in
      chunks.append(chunk.text)
      return .all
    }
    return chunks.joined(separator: "|")
  }

  /// The same without reading it.
  func peekedText(_ reader: StreamReader, from offset: UInt64? = nil) -> String {
    var chunks: [String] = []
    peek(reader, from: offset) { chunk in
      chunks.append(chunk.text)
      return .all
    }
    return chunks.joined(separator: "|")
  }

  /// Up to `count` bytes from `offset` on.
  func copiedText(_ reader: StreamReader, from offset: UInt64? = nil, _ count: Int) -> String {
    withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { buffer in
      let length = copy(reader, from: offset, into: buffer)
      return String(decoding: buffer[..<length], as: UTF8.self)
    }
  }
}

/// The beginning of a script: a handshake.
let handshake = """
  c > S seq 0
  s > SA seq 0 ack 1
  c > A seq 1 ack 1

  """
