/// A step of looking into a buffer, ready to be tried.
enum MatchStep {
  case content(ContentSearch)
  case pcre(PCREPattern, isRelative: Bool, isNegated: Bool)
  case byteTest(ByteTest)
  case byteJump(ByteJump)
  case byteExtract(ByteExtract)
  case byteMath(ByteMath)
  case isDataAt(IsDataAt)
  case bufferSize(IntegerMatch)

  /// Throws what is wrong with an expression.
  init(_ match: PayloadMatch) throws(PCREError) {
    switch match {
    case .content(let content): self = .content(ContentSearch(content))
    case .pcre(let pcre):
      self = .pcre(
        try PCREPattern(pcre.pattern, options: pcre.options), isRelative: pcre.flags.contains(.relative),
        isNegated: pcre.isNegated)
    case .byteTest(let test): self = .byteTest(test)
    case .byteJump(let jump): self = .byteJump(jump)
    case .byteExtract(let extract): self = .byteExtract(extract)
    case .byteMath(let math): self = .byteMath(math)
    case .isDataAt(let place): self = .isDataAt(place)
    case .bufferSize(let size): self = .bufferSize(size)
    }
  }

  /// Whether it begins where the step before it ended.
  var isRelative: Bool {
    switch self {
    case .content(let search): search.content.isRelative
    case .pcre(_, let isRelative, _): isRelative
    case .byteTest(let test): test.source.isRelative
    case .byteJump(let jump): jump.source.isRelative
    case .byteExtract(let extract): extract.source.isRelative
    case .byteMath(let math): math.source.isRelative
    case .isDataAt(let place): place.isRelative
    case .bufferSize: false
    }
  }

  /// Whether a step behind it begins where it ends, whatever that is.
  var movesPlace: Bool {
    switch self {
    case .content(let search): !search.content.isNegated
    case .pcre(_, _, let isNegated): !isNegated
    case .byteJump: true
    case .byteTest, .byteExtract, .byteMath, .isDataAt, .bufferSize: false
    }
  }
}

/// What the steps of a rule in one buffer are, and where others begin where they end.
final class MatchSteps: Sendable {
  let steps: [MatchStep]
  /// For each, whether it matters where it ends.
  let isFollowed: [Bool]
  let variableCount: Int

  /// Throws what is wrong with an expression.
  init(_ buffer: RuleBuffer) throws(PCREError) {
    var steps: [MatchStep] = []
    for match in buffer.matches {
      // It was found already.
      if case .content(let content) = match, content.fastPattern == .only, !content.isNegated { continue }
      steps.append(try MatchStep(match))
    }
    self.steps = steps
    var isFollowed = [Bool](repeating: false, count: steps.count)
    for index in steps.indices where steps[index].movesPlace {
      for step in steps[(index + 1)...] {
        if step.isRelative {
          isFollowed[index] = true
          break
        }
        if step.movesPlace { break }
      }
    }
    self.isFollowed = isFollowed
    variableCount = buffer.variables.count
  }
}

extension MatchStep: Sendable {}
