/// One encoding that is being taken off a body: gzip or deflate (RFC 9110 8.4.1).
///
/// The first two bytes tell what it is, whatever the head says: who names gzip and sends zlib is understood by browsers.
/// What begins as neither is raw deflate where deflate was named, and is not encoded where gzip was.
struct HTTPDecoding {
  enum Coding: Equatable {
    case gzip, deflate
  }

  private enum State {
    case beginning
    case inflating(Inflater, Inflater.Format)
    /// A member of gzip is over; another can follow.
    case betweenMembers(Inflater)
    case plain
    case over
  }

  /// Why no more is decoded.
  private(set) var anomaly: HTTPAnomaly?
  private var state = State.beginning
  private let coding: Coding
  private var first: [UInt8] = []
  private var taken = 0
  private var yielded = 0

  /// How many bytes are decoded between two looks at the ratio. They are counted from the first byte on, so that the looks
  /// are taken at the same places however the body is cut.
  private static let unit = 256

  init(_ coding: Coding) { self.coding = coding }

  /// Takes the next bytes. Calls `yield` with what they decode to, in pieces that lie in `memory`, until it returns false.
  mutating func take(
    _ piece: UnsafeRawBufferPointer, tools: inout HTTPTools, memory: UnsafeMutableRawBufferPointer,
    yield: (UnsafeRawBufferPointer, inout HTTPTools) -> Bool
  ) {
    var rest = piece
    if case .beginning = state {
      let count = min(rest.count, 2 - first.count)
      first.append(contentsOf: rest[..<count])
      if first.count < 2 { return }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      begin(&tools)
      let isWanted = first.withUnsafeBytes { decode($0, &tools, memory, yield) }
      if !isWanted { return }
    }
    _ = decode(rest, &tools, memory, yield)
  }

  /// The body is over: gives the rest out, and memory back.
  mutating func finish(tools: inout HTTPTools, yield: (UnsafeRawBufferPointer, inout HTTPTools) -> Bool) {
    switch state {
    case .beginning: _ = first.withUnsafeBytes { yield($0, &tools) }
    case .inflating(let inflater, _), .betweenMembers(let inflater): tools.giveBack(inflater)
    case .plain, .over: break
    }
    state = .over
  }

  private mutating func begin(_ tools: inout HTTPTools) {
    let pair = UInt16(first[0]) << 8 | UInt16(first[1])
    let format: Inflater.Format
    if pair == 0x1f8b {
      format = .gzip
    } else if first[0] & 0x8f == 8, pair % 31 == 0 {
      format = .zlib
    } else if coding == .deflate {
      format = .raw
    } else {
      anomaly = .invalidEncoding
      state = .plain
      return
    }
    guard let inflater = tools.inflater(format) else {
      state = .plain
      return
    }
    state = .inflating(inflater, format)
  }

  private mutating func decode(
    _ piece: UnsafeRawBufferPointer, _ tools: inout HTTPTools, _ memory: UnsafeMutableRawBufferPointer,
    _ yield: (UnsafeRawBufferPointer, inout HTTPTools) -> Bool
  ) -> Bool {
    var rest = piece
    while !rest.isEmpty {
      switch state {
      case .inflating(let inflater, let format):
        let count = min(rest.count, Self.unit - taken % Self.unit)
        let unit = UnsafeRawBufferPointer(rebasing: rest[..<count])
        var left = unit
        if !inflate(&left, inflater, format, &tools, memory, yield) { return false }
        let used = count - left.count
        taken += used
        rest = UnsafeRawBufferPointer(rebasing: rest[used...])
        if case .inflating = state, taken % Self.unit == 0, yielded > tools.limits.undoubtedBytes,
          yielded > taken * tools.limits.decodedRatio
        {
          stop(.tooMuchDecoded, &tools)
        }
      case .betweenMembers(let inflater):
        if rest[0] == 0x1f {
          inflater.reset(.gzip)
          state = .inflating(inflater, .gzip)
        } else {
          stop(nil, &tools)
        }
      case .plain: return yield(rest, &tools)
      case .beginning, .over: return true
      }
    }
    return true
  }

  private mutating func inflate(
    _ input: inout UnsafeRawBufferPointer, _ inflater: Inflater, _ format: Inflater.Format, _ tools: inout HTTPTools,
    _ memory: UnsafeMutableRawBufferPointer, _ yield: (UnsafeRawBufferPointer, inout HTTPTools) -> Bool
  ) -> Bool {
    while true {
      let room = min(memory.count, tools.limits.decodedBytes - yielded)
      if room == 0 {
        stop(.tooMuchDecoded, &tools)
        return true
      }
      var output = UnsafeMutableRawBufferPointer(rebasing: memory[..<room])
      let result = inflater.inflate(&input, into: &output)
      let count = room - output.count
      yielded += count
      if count > 0, !yield(UnsafeRawBufferPointer(rebasing: memory[..<count]), &tools) { return false }
      switch result {
      case .ok:
        // Where the output is full there may be more, also without input.
        if !output.isEmpty { return true }
      case .end:
        if format == .gzip { state = .betweenMembers(inflater) } else { stop(nil, &tools) }
        return true
      case .broken:
        stop(.invalidEncoding, &tools)
        return true
      }
    }
  }

  private mutating func stop(_ reason: HTTPAnomaly?, _ tools: inout HTTPTools) {
    finish(tools: &tools) { _, _ in true }
    anomaly = reason
  }
}
