import MOSCore

/// What takes the messages of application protocols apart, for one worker.
struct MessageInspectors: ~Copyable {
  /// What is known of one flow.
  struct State: BitwiseCopyable {
    fileprivate var http = HTTPFlowState()
    fileprivate var tls = TLSFlowState()
    fileprivate var dns = DNSFlowState()

    /// What the flow carries, as far as that is known.
    var application: ApplicationProtocol? { http.isHTTP ? .http : tls.isTLS ? .tls : dns.isDNS ? .dns : nil }

    /// Nothing that comes of a flow of TCP is looked at.
    func isOver(_ key: FlowKey) -> Bool {
      http.stage == .over && (tls.isOver || http.isHTTP) && (dns.isOver || !State.isDNS(key))
    }

    /// Whether a flow is to the port of DNS; `key` has the client as source.
    static func isDNS(_ key: FlowKey) -> Bool { key.destinationPort == DNSInspector.port }
  }

  /// What they keep and make at most.
  struct Limits {
    fileprivate var http = HTTPLimits()
    fileprivate var tls = TLSLimits()

    /// As much as rules want.
    init(_ rules: DetectionRules, isInline: Bool) {
      let buffers = rules.messages.reduce(0) { $0 | $1.buffers }
      http.buffers = buffers
      tls.buffers = buffers
      http.onlyRecognizes = !rules.rules.contains { $0.subject == .messages && $0.application == .http }
      http.growingBodies = isInline && rules.messages.contains(where: \.dropsByBody)
    }
  }

  var limits: Limits {
    didSet {
      http.limits = limits.http
      tls.limits = limits.tls
    }
  }

  private var http: HTTPInspector
  private var tls: TLSInspector
  private var dns = DNSInspector()

  init(_ limits: Limits) {
    self.limits = limits
    http = HTTPInspector(limits: limits.http)
    tls = TLSInspector(limits: limits.tls)
  }

  /// Takes the next bytes of a stream that a side sent. `key` has the client as source.
  mutating func take(
    _ bytes: UnsafeRawBufferPointer, from side: Side, of state: inout State, _ key: FlowKey,
    into sink: inout MessageSink
  ) {
    http.take(bytes, from: side, of: &state.http, into: &sink)
    if !state.http.isHTTP { tls.take(bytes, from: side, of: &state.tls, into: &sink) }
    if State.isDNS(key) { dns.take(bytes, from: side, of: &state.dns, into: &sink) }
  }

  /// Takes a datagram of DNS.
  mutating func take(
    datagram: UnsafeRawBufferPointer, from side: Side, of state: inout State, into sink: inout MessageSink
  ) {
    dns.take(datagram: datagram, from: side, of: &state.dns, into: &sink)
  }

  /// Bytes of a stream that a side sent were lost.
  mutating func skip(
    _ count: UInt64, from side: Side, of state: inout State, _ key: FlowKey, into sink: inout MessageSink
  ) {
    http.skip(count, from: side, of: &state.http, into: &sink)
    tls.skip(from: side, of: &state.tls, into: &sink)
    if State.isDNS(key) { dns.skip(from: side, of: &state.dns, into: &sink) }
  }

  /// The flow is over.
  mutating func end(_ state: inout State, into sink: inout MessageSink) {
    http.end(&state.http, into: &sink)
    tls.end(&state.tls, into: &sink)
    dns.end(&state.dns, into: &sink)
  }
}
