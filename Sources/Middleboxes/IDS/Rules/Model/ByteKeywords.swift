/// How a number is taken out of a buffer, for the four keywords that do.
struct ByteSource: Hashable, Sendable {
  enum ByteOrder: String, Sendable, CaseIterable {
    case big, little
  }

  /// How digits are read; nil for a binary number.
  enum Base: String, Sendable, CaseIterable {
    case hexadecimal = "hex"
    case decimal = "dec"
    case octal = "oct"

    /// The most digits of a number of 64 bits, with what is written before it.
    var longest: Int32 {
      switch self {
      case .hexadecimal: 18
      case .decimal: 20
      case .octal: 23
      }
    }
  }

  /// How many bytes.
  var count: RuleOffset
  var offset: RuleOffset
  /// Whether `offset` is from the end of the match before.
  var isRelative = false
  var byteOrder = ByteOrder.big
  var base: Base?
  /// What of the number counts; its trailing zeros are shifted out. Zero for all.
  var bitmask: UInt32 = 0

  var hasVariable: Bool {
    if case .literal = count, case .literal = offset { return false }
    return true
  }
}

/// Compares a number in the buffer: `byte_test`.
struct ByteTest: Hashable, Sendable {
  enum Operation: String, Sendable, CaseIterable {
    case less = "<"
    case greater = ">"
    case equal = "="
    case lessOrEqual = "<="
    case greaterOrEqual = ">="
    /// Any of these bits.
    case and = "&"
    /// Not the same bits.
    case xor = "^"
  }

  var source: ByteSource
  var operation: Operation
  var isNegated = false
  var value: RuleNumber<UInt64>
}

/// Goes on as far away as a number in the buffer says: `byte_jump`.
struct ByteJump: Hashable, Sendable {
  /// From where.
  enum Origin: Hashable, Sendable {
    case number, beginning, end
  }

  var source: ByteSource
  var origin = Origin.number
  var multiplier: UInt16 = 1
  /// To the next multiple of four.
  var isAligned = false
  var postOffset: RuleOffset = .literal(0)
}

/// Stores a number in the buffer: `byte_extract`.
struct ByteExtract: Hashable, Sendable {
  var source: ByteSource
  /// Index in the buffer's `variables`.
  var variable: UInt8
  var multiplier: UInt16 = 1
  /// Rounded up to a multiple of 2 or 4; 0 for not.
  var alignment: UInt8 = 0
}

/// Stores the result of a computation with a number in the buffer: `byte_math`.
struct ByteMath: Hashable, Sendable {
  enum Operation: String, Sendable, CaseIterable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case shiftLeft = "<<"
    case shiftRight = ">>"
  }

  var source: ByteSource
  var operation: Operation
  var value: RuleNumber<UInt64>
  /// Index in the buffer's `variables`.
  var variable: UInt8
}
