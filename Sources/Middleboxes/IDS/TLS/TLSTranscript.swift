import MOSCore

/// What an inspector hands out of one flow, written down: for tests and fuzzers, which have no rules.
public struct TLSTranscript: ~Copyable {
  /// A buffer, or what was said of a side.
  public struct Entry: Hashable, Sendable {
    /// Who sent the hello.
    public var sender: Side
    /// The buffer's keyword, `end`, or an anomaly's name behind a `!`.
    public var name: String
    /// What is in the buffer; of an `end` the version, two bytes.
    public var bytes: [UInt8]
  }

  private struct Recorder: TLSSink {
    var entries: [Entry] = []

    mutating func take(_ buffer: InspectionBuffer, _ bytes: UnsafeRawBufferPointer, of message: TLSMessage) {
      entries.append(Entry(sender: message.sender, name: buffer.keyword, bytes: [UInt8](bytes)))
    }

    mutating func end(_ message: TLSMessage, behind: Int) {
      let version = [UInt8(message.version >> 8), UInt8(message.version & 0xff)]
      entries.append(Entry(sender: message.sender, name: "end", bytes: version))
    }

    mutating func note(_ anomaly: TLSAnomaly, from sender: Side) {
      entries.append(Entry(sender: sender, name: "!\(anomaly)", bytes: []))
    }
  }

  private var inspector: TLSInspector
  private var state = TLSFlowState()
  private var recorder = Recorder()

  /// A transcript of a flow of which nothing has come yet, with a limit for hellos, in bytes.
  public init(messageLimit: Int = 65_536) {
    var limits = TLSLimits()
    limits.messageBytes = messageLimit
    self.init(limits: limits)
  }

  init(limits: TLSLimits) { inspector = TLSInspector(limits: limits) }

  /// What was handed out so far.
  public var entries: [Entry] { recorder.entries }

  /// Whether a side began as TLS.
  public var isTLS: Bool { state.isTLS }

  /// Whether bytes are still looked at.
  public var isInspected: Bool { !state.isOver }

  /// Hellos of which a part is kept.
  public var partialHellos: Int { inspector.partialHellos }

  /// Takes the next bytes that a side sent.
  public mutating func take(_ bytes: UnsafeRawBufferPointer, from side: Side) {
    inspector.take(bytes, from: side, of: &state, into: &recorder)
  }

  /// Bytes that a side sent were lost.
  public mutating func skip(from side: Side) { inspector.skip(from: side, of: &state, into: &recorder) }

  /// A side sends no more.
  public mutating func finish(_ side: Side) { inspector.finish(side, of: &state, into: &recorder) }

  /// The flow is over.
  public mutating func end() { inspector.end(&state, into: &recorder) }
}
