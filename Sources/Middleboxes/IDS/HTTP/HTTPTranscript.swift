import MOSCore

/// What an inspector hands out of one flow, written down: for tests and fuzzers, which have no rules.
public struct HTTPTranscript: ~Copyable {
  /// A buffer, or what was said of a message.
  public struct Entry: Hashable, Sendable {
    /// The transaction's number in the flow, from 0.
    public var transaction: UInt32
    /// Who sent the message.
    public var sender: Side
    /// The buffer's keyword, behind which `so far` means that it grows, `end`, or an anomaly's name behind a `!`.
    public var name: String
    /// What is in the buffer.
    public var bytes: [UInt8]
  }

  private struct Recorder: HTTPSink {
    var entries: [Entry] = []

    private mutating func add(_ name: String, _ bytes: [UInt8], _ message: HTTPMessage) {
      entries.append(Entry(transaction: message.transaction, sender: message.sender, name: name, bytes: bytes))
    }

    mutating func take(
      _ buffer: InspectionBuffer, _ bytes: UnsafeRawBufferPointer, isWhole: Bool, of message: HTTPMessage
    ) {
      add(isWhole ? buffer.keyword : buffer.keyword + " so far", [UInt8](bytes), message)
    }

    mutating func end(_ message: HTTPMessage, behind: Int) { add("end", [], message) }

    mutating func note(_ anomaly: HTTPAnomaly, in message: HTTPMessage) { add("!\(anomaly)", [], message) }
  }

  private var inspector: HTTPInspector
  private var state = HTTPFlowState()
  private var recorder = Recorder()

  /// A transcript of a flow of which nothing has come yet, with limits in bytes.
  public init(headLimit: Int = 65_536, bodyLimit: Int = 102_400) {
    var limits = HTTPLimits()
    limits.headBytes = headLimit
    limits.requestBodyBytes = bodyLimit
    limits.responseBodyBytes = bodyLimit
    self.init(limits: limits)
  }

  init(limits: HTTPLimits) { inspector = HTTPInspector(limits: limits) }

  /// What was handed out so far.
  public var entries: [Entry] { recorder.entries }

  /// Whether the flow began as HTTP.
  public var isHTTP: Bool { state.isHTTP }

  /// Whether its bytes are still looked at, or may be.
  public var isInspected: Bool { state.stage != .over }

  /// Takes the next bytes that a side sent.
  public mutating func take(_ bytes: UnsafeRawBufferPointer, from side: Side) {
    inspector.take(bytes, from: side, of: &state, into: &recorder)
  }

  /// Bytes that a side sent were lost.
  public mutating func skip(_ count: UInt64, from side: Side) {
    inspector.skip(count, from: side, of: &state, into: &recorder)
  }

  /// A side sends no more.
  public mutating func finish(_ side: Side) { inspector.finish(side, of: &state, into: &recorder) }

  /// The flow is over.
  public mutating func end() { inspector.end(&state, into: &recorder) }
}
