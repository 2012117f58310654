/// Tries the steps of a rule on a buffer of which more may come.
///
/// Steps are tried as Suricata does, with all places of a content where the steps behind it depend on the place. What
/// bytes that have not come yet could change is undecided: so the answer for a buffer, once it is whole, does not depend
/// on the pieces that it came in.
struct BufferMatcher: ~Copyable {
  enum Outcome {
    case matches
    case fails
    /// More bytes could make it match.
    case undecided
  }

  /// Places that are tried for one rule on one buffer.
  private static let mostPlaces = 2_000

  private let memory: PCREMemory?
  private var variables = [UInt64](repeating: 0, count: 256)
  private var placesLeft = 0
  /// Searches that were given up because they took too long.
  private(set) var givenUp: UInt64 = 0

  /// Throws where there are expressions and libpcre2 cannot be had.
  init(hasExpressions: Bool) throws(PCREError) { memory = hasExpressions ? try PCREMemory() : nil }

  /// What becomes of the steps in `bytes`; `isWhole` where no more bytes can come.
  mutating func match(_ steps: MatchSteps, in bytes: UnsafeRawBufferPointer, isWhole: Bool) -> Outcome {
    placesLeft = Self.mostPlaces
    let outcome = run(steps, 0, behind: 0, Buffer(bytes: bytes, isWhole: isWhole))
    if placesLeft < 0 { givenUp &+= 1 }
    return outcome
  }

  struct Buffer {
    let bytes: UnsafeRawBufferPointer
    let isWhole: Bool
    var count: Int { bytes.count }
    /// What a step comes to that needs bytes behind the end.
    var beyond: Outcome { isWhole ? .fails : .undecided }
  }

  private mutating func run(_ steps: MatchSteps, _ index: Int, behind place: Int, _ buffer: Buffer) -> Outcome {
    guard index < steps.steps.count else { return .matches }
    switch steps.steps[index] {
    case .content(let search): return content(search, steps, index, behind: place, buffer)
    case .pcre(let pattern, let isRelative, let isNegated):
      return pcre(pattern, isRelative: isRelative, isNegated: isNegated, steps, index, behind: place, buffer)
    case .byteTest(let test):
      switch number(test.source, behind: place, buffer) {
      case .number(let number, _):
        let other = value(test.value)
        let holds =
          switch test.operation {
          case .less: number < other
          case .greater: number > other
          case .equal: number == other
          case .lessOrEqual: number <= other
          case .greaterOrEqual: number >= other
          case .and: number & other != 0
          case .xor: number ^ other != 0
          }
        return holds != test.isNegated ? run(steps, index + 1, behind: place, buffer) : .fails
      case .outcome(let outcome): return outcome
      }
    case .byteJump(let jump): return self.jump(jump, steps, index, behind: place, buffer)
    case .byteExtract(let extract):
      switch number(extract.source, behind: place, buffer) {
      case .number(var number, let end):
        number = number &* UInt64(extract.multiplier)
        let alignment = UInt64(extract.alignment)
        if alignment > 0 { number = (number &+ alignment &- 1) / alignment &* alignment }
        variables[Int(extract.variable)] = number
        return run(steps, index + 1, behind: end, buffer)
      case .outcome(let outcome): return outcome
      }
    case .byteMath(let math):
      switch number(math.source, behind: place, buffer) {
      case .number(let number, let end):
        guard let result = math.result(of: number, and: value(math.value)) else { return .fails }
        variables[Int(math.variable)] = result
        return run(steps, index + 1, behind: end, buffer)
      case .outcome(let outcome): return outcome
      }
    case .isDataAt(let data):
      // From the end of a match it is how many bytes there are, else a place.
      let wanted = distance(data.place) + (data.isRelative ? place : 1)
      if (wanted <= buffer.count) != data.isNegated { return run(steps, index + 1, behind: place, buffer) }
      return data.isNegated ? .fails : buffer.beyond
    case .bufferSize(let size):
      guard buffer.isWhole else { return .undecided }
      return size.holds(for: UInt64(buffer.count)) ? run(steps, index + 1, behind: place, buffer) : .fails
    }
  }

  private mutating func content(
    _ search: ContentSearch, _ steps: MatchSteps, _ index: Int, behind place: Int, _ buffer: Buffer
  ) -> Outcome {
    let content = search.content
    var start = 0
    var end = Int.max
    if content.isRelative {
      start = place + distance(content.distance)
      if let within = content.within { end = start + distance(within) }
    }
    if let offset = content.offset { start = max(start, distance(offset)) }
    if let depth = content.depth { end = min(end, distance(content.offset) + distance(depth)) }
    if content.startsWith { end = min(end, search.count) }
    start = max(start, 0)
    if content.endsWith {
      guard buffer.isWhole else { return .undecided }
      start = max(start, buffer.count - search.count)
    }
    let isKnown = end <= buffer.count || buffer.isWhole
    let limit = min(end, buffer.count)
    if content.isNegated {
      if start < limit, search.first(in: buffer.bytes, from: start, to: limit) != nil { return .fails }
      return isKnown ? run(steps, index + 1, behind: place, buffer) : .undecided
    }
    var outcome = Outcome.fails
    while start < limit, let found = search.first(in: buffer.bytes, from: start, to: limit) {
      let next = run(steps, index + 1, behind: found + search.count, buffer)
      if next == .matches || !steps.isFollowed[index] { return next }
      if next == .undecided { outcome = .undecided }
      placesLeft -= 1
      if placesLeft < 0 { return .fails }
      start = found + 1
    }
    return isKnown ? outcome : .undecided
  }

  private mutating func pcre(
    _ pattern: PCREPattern, isRelative: Bool, isNegated: Bool, _ steps: MatchSteps, _ index: Int, behind place: Int,
    _ buffer: Buffer
  ) -> Outcome {
    // A circumflex stands for the place too that the expression is relative to.
    let first = isRelative ? min(max(place, 0), buffer.count) : 0
    if isRelative, place > buffer.count { return buffer.beyond }
    let subject = UnsafeRawBufferPointer(rebasing: buffer.bytes[first...])
    let isFollowed = steps.isFollowed[index]
    var outcome = Outcome.fails
    var start = 0
    while start <= subject.count {
      // Who made the matcher said whether there are expressions.
      let found =
        memory.map {
          pattern.find(in: subject, from: start, isWhole: buffer.isWhole, isFollowed: isFollowed, $0)
        } ?? .tooCostly
      if case .tooCostly = found {
        givenUp &+= 1
        return .fails
      }
      if isNegated {
        switch found {
        case .found: return .fails
        case .absent: return run(steps, index + 1, behind: place, buffer)
        default: return .undecided
        }
      }
      switch found {
      case .found(let range):
        let next = run(steps, index + 1, behind: first + range.upperBound, buffer)
        if next == .matches || !isFollowed { return next }
        if next == .undecided { outcome = .undecided }
        placesLeft -= 1
        if placesLeft < 0 { return .fails }
        start = range.lowerBound + 1
      case .undecided: return .undecided
      default: return outcome
      }
    }
    return outcome
  }

  private mutating func jump(
    _ jump: ByteJump, _ steps: MatchSteps, _ index: Int, behind place: Int, _ buffer: Buffer
  ) -> Outcome {
    switch number(jump.source, behind: place, buffer) {
    case .outcome(let outcome): return outcome
    case .number(let number, let end):
      let (product, overflow) = Int(clamping: number).multipliedReportingOverflow(by: Int(jump.multiplier))
      guard !overflow, product < 1 << 40 else { return .fails }
      let length = jump.isAligned ? (product + 3) & ~3 : product
      let origin: Int
      switch jump.origin {
      case .number: origin = end
      case .beginning: origin = 0
      case .end:
        guard buffer.isWhole else { return .undecided }
        origin = buffer.count
      }
      let target = origin + length + distance(jump.postOffset)
      if target < 0 { return .fails }
      if target > buffer.count { return buffer.beyond }
      return run(steps, index + 1, behind: target, buffer)
    }
  }

  /// 0 for none.
  func distance(_ number: RuleOffset?) -> Int {
    switch number {
    case nil: return 0
    case .literal(let number)?: return Int(number)
    case .variable(let index)?:
      // No buffer is as large, and sums do not overflow.
      return Int(min(variables[Int(index)], 1 << 40))
    }
  }

  func value(_ number: RuleNumber<UInt64>) -> UInt64 {
    switch number {
    case .literal(let number): number
    case .variable(let index): variables[Int(index)]
    }
  }
}
