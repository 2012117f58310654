import MOSCore

/// What an inspector knows of one flow; whoever keeps the flow keeps this with it.
struct HTTPFlowState: BitwiseCopyable {
  enum Stage: UInt8, BitwiseCopyable {
    case undecided
    /// It is looked at.
    case active
    /// It is not HTTP, or not any more, or there was no room: its bytes cost nothing.
    case over
  }

  fileprivate(set) var stage = Stage.undecided
  /// Whether it began as HTTP.
  fileprivate(set) var isHTTP = false
  fileprivate var recognition = HTTPRecognition()
  fileprivate var index = 0
}

/// Takes the bytes of flows, cut anywhere, and hands the parts of HTTP/1 messages out (RFC 9112).
///
/// One serves all flows of a worker. Of a flow that is not HTTP it keeps nothing but a few bytes in the flow's state; for
/// the others it has places that are used again. A flow takes at most two heads, two bodies and what waits behind a CONNECT,
/// each as long as its limit, and for each encoding of a body that is under way zlib's 48 KiB.
struct HTTPInspector: ~Copyable {
  /// Flows that were not looked at because there was no room.
  private(set) var refusedFlows: UInt64 = 0
  private var tools: HTTPTools
  private var flows: [HTTPFlow] = []
  private var free: [Int] = []

  /// What is kept and made at most; new ones hold for what comes.
  var limits: HTTPLimits {
    get { tools.limits }
    set { tools.limits = newValue }
  }

  init(limits: HTTPLimits = HTTPLimits()) { tools = HTTPTools(limits: limits) }

  /// Flows that are looked at.
  var activeFlows: Int { flows.count - free.count }

  /// Takes the next bytes that a side sent.
  mutating func take(
    _ bytes: UnsafeRawBufferPointer, from side: Side, of state: inout HTTPFlowState, into sink: inout some HTTPSink
  ) {
    switch state.stage {
    case .over: return
    case .active: break
    case .undecided:
      let before = state.recognition.take(bytes, from: side)
      switch state.recognition.verdict {
      case .undecided: return
      case .other:
        state.stage = .over
        return
      case .http: if !begin(&state, kept: before, of: side, &sink) { return }
      }
    }
    flows[state.index].take(bytes, from: side, tools: &tools, sink: &sink)
    if flows[state.index].isOver { release(&state) }
  }

  /// Bytes that a side sent were lost: `count` of them.
  mutating func skip(
    _ count: UInt64, from side: Side, of state: inout HTTPFlowState, into sink: inout some HTTPSink
  ) {
    switch state.stage {
    case .over: return
    case .active: flows[state.index].skip(count, from: side, tools: &tools, sink: &sink)
    // What comes first tells whether it is HTTP.
    case .undecided: state.stage = .over
    }
  }

  /// A side sends no more.
  mutating func finish(_ side: Side, of state: inout HTTPFlowState, into sink: inout some HTTPSink) {
    guard state.stage == .active else { return }
    flows[state.index].finish(side, tools: &tools, sink: &sink)
  }

  /// The flow is over: hands out what there is, and gives its place back.
  mutating func end(_ state: inout HTTPFlowState, into sink: inout some HTTPSink) {
    guard state.stage == .active else { return }
    for side in Side.allCases { flows[state.index].finish(side, tools: &tools, sink: &sink) }
    release(&state)
  }

  /// Returns whether there was room. Plays what was kept while the flow was undecided: of the side at hand only what came
  /// before the bytes at hand.
  private mutating func begin(
    _ state: inout HTTPFlowState, kept: Int, of side: Side, _ sink: inout some HTTPSink
  ) -> Bool {
    state.isHTTP = true
    if tools.limits.onlyRecognizes {
      state.stage = .over
      return false
    }
    if let index = free.popLast() {
      state.index = index
    } else if flows.count < tools.limits.flows {
      state.index = flows.count
      flows.append(HTTPFlow())
    } else {
      refusedFlows += 1
      state.stage = .over
      return false
    }
    state.stage = .active
    for earlier in [side.peer, side] {
      state.recognition.withBytes(of: earlier) { bytes in
        let count = earlier == side ? kept : bytes.count
        let part = UnsafeRawBufferPointer(rebasing: bytes[..<count])
        flows[state.index].take(part, from: earlier, tools: &tools, sink: &sink)
      }
    }
    return true
  }

  private mutating func release(_ state: inout HTTPFlowState) {
    flows[state.index] = HTTPFlow()
    free.append(state.index)
    state.stage = .over
  }
}
