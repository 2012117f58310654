import MOSCore

/// What an inspector hands out of one flow, written down: for tests and fuzzers, which have no rules.
public struct DNSTranscript: ~Copyable {
  /// A buffer, or what was said of a message.
  public struct Entry: Hashable, Sendable {
    /// The message's number in its direction, from 0.
    public var number: UInt32
    /// Who sent it.
    public var sender: Side
    /// The buffer's keyword, `end of query`, `end of response`, or an anomaly's name behind a `!`.
    public var name: String
    /// What is in the buffer.
    public var bytes: [UInt8]
  }

  private struct Recorder: DNSSink {
    var entries: [Entry] = []

    private mutating func add(_ name: String, _ bytes: [UInt8], _ message: DNSMessage) {
      entries.append(Entry(number: message.number, sender: message.sender, name: name, bytes: bytes))
    }

    mutating func take(_ buffer: InspectionBuffer, _ bytes: UnsafeRawBufferPointer, of message: DNSMessage) {
      add(buffer.keyword, [UInt8](bytes), message)
    }

    mutating func end(_ message: DNSMessage, behind: Int) {
      add(message.isResponse ? "end of response" : "end of query", [], message)
    }

    mutating func note(_ anomaly: DNSAnomaly, in message: DNSMessage) { add("!\(anomaly)", [], message) }
  }

  private var inspector: DNSInspector
  private var state = DNSFlowState()
  private var recorder = Recorder()

  /// A transcript of a flow of which nothing has come yet, with a limit for names, in bytes.
  public init(nameLimit: Int = 1025) {
    var limits = DNSLimits()
    limits.nameBytes = nameLimit
    self.init(limits: limits)
  }

  init(limits: DNSLimits) { inspector = DNSInspector(limits: limits) }

  /// What was handed out so far.
  public var entries: [Entry] { recorder.entries }

  /// Whether a message of DNS has come.
  public var isDNS: Bool { state.isDNS }

  /// Messages of a stream of which a part is kept.
  public var partialMessages: Int { inspector.partialMessages }

  /// Takes a datagram that a side sent.
  public mutating func take(datagram: UnsafeRawBufferPointer, from side: Side) {
    inspector.take(datagram: datagram, from: side, of: &state, into: &recorder)
  }

  /// Takes the next bytes of a stream that a side sent.
  public mutating func take(_ bytes: UnsafeRawBufferPointer, from side: Side) {
    inspector.take(bytes, from: side, of: &state, into: &recorder)
  }

  /// Bytes of a stream that a side sent were lost.
  public mutating func skip(from side: Side) { inspector.skip(from: side, of: &state, into: &recorder) }

  /// A side sends no more.
  public mutating func finish(_ side: Side) { inspector.finish(side, of: &state, into: &recorder) }

  /// The flow is over.
  public mutating func end() { inspector.end(&state, into: &recorder) }
}
