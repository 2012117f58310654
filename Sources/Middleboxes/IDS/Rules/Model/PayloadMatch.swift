/// One step of looking into a buffer. Steps are tried in order; most can begin where the one before them ended.
enum PayloadMatch: Hashable, Sendable {
  case content(ContentMatch)
  case pcre(PCREMatch)
  case byteTest(ByteTest)
  case byteJump(ByteJump)
  case byteExtract(ByteExtract)
  case byteMath(ByteMath)
  case isDataAt(IsDataAt)
  /// How long the buffer is: `bsize`.
  case bufferSize(IntegerMatch)
}

/// A number in a rule: written there, or what an earlier keyword took out of the buffer.
enum RuleNumber<Literal: FixedWidthInteger & Sendable>: Hashable, Sendable {
  case literal(Literal)
  /// Index in the buffer's `variables`.
  case variable(UInt8)
}

/// A place in a buffer, or a distance in it.
typealias RuleOffset = RuleNumber<Int32>

/// Bytes that have to be there, or must not: `content`.
struct ContentMatch: Hashable, Sendable {
  enum FastPattern: Hashable, Sendable {
    case unmarked, marked
    /// Not looked for again when it was found.
    case only
    case part(offset: UInt16, length: UInt16)
  }

  var bytes: [UInt8]
  var isNegated = false
  /// Letters of ASCII in either case.
  var isCaseInsensitive = false
  var isRaw = false
  /// At the buffer's start, its end.
  var startsWith = false
  var endsWith = false
  var fastPattern = FastPattern.unmarked
  /// From the buffer's start: where the search begins, and how far behind it the content has to end.
  var offset: RuleOffset?
  var depth: RuleOffset?
  /// From the end of the match before: where the search begins, and how far behind it the content has to end.
  var distance: RuleOffset?
  var within: RuleOffset?

  var isRelative: Bool { distance != nil || within != nil }

  var hasVariable: Bool {
    [offset, depth, distance, within].contains { place in
      if case .variable? = place { true } else { false }
    }
  }
}

/// A regular expression: `pcre`.
struct PCREMatch: Hashable, Sendable {
  struct Flags: OptionSet, Hashable, Sendable {
    var rawValue: UInt16
    static let caseInsensitive = Flags(rawValue: 1)
    static let dotMatchesNewline = Flags(rawValue: 2)
    static let multiline = Flags(rawValue: 4)
    static let extended = Flags(rawValue: 8)
    static let anchored = Flags(rawValue: 16)
    static let dollarAtEndOnly = Flags(rawValue: 32)
    static let ungreedy = Flags(rawValue: 64)
    /// Begins where the match before it ended.
    static let relative = Flags(rawValue: 128)
    static let raw = Flags(rawValue: 256)
    static let ignoresMatchLimit = Flags(rawValue: 512)

    /// In the order of their bits.
    static let letters = Array("ismxAEGRBO".utf8)
  }

  /// Without delimiters and flags.
  var pattern: [UInt8]
  var flags: Flags = []
  var isNegated = false
}

/// Whether the buffer has a byte at a place: `isdataat`.
struct IsDataAt: Hashable, Sendable {
  var place: RuleOffset
  var isNegated = false
  var isRelative = false
  var isRaw = false
}
