/// A part of a rule's text. Rules are bytes: what is no UTF-8 in a content or an expression stands for itself.
typealias RuleBytes = ArraySlice<UInt8>

extension RuleBytes {
  var text: String { String(decoding: self, as: UTF8.self) }

  /// For a message.
  var shown: String { quoted(String(decoding: prefix(300), as: UTF8.self)) }

  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

  /// Without the space around it.
  var trimmed: RuleBytes {
    var (start, end) = (startIndex, endIndex)
    while start < end, Self.isSpace(self[start]) { start += 1 }
    while end > start, Self.isSpace(self[end - 1]) { end -= 1 }
    return self[start..<end]
  }

  /// The parts between separators, trimmed; empty ones too.
  func fields(at separator: Character = ",") -> [RuleBytes] {
    split(separator: separator.asciiValue!, omittingEmptySubsequences: false).map(\.trimmed)
  }

  /// The first word, and what is behind the space after it.
  var firstWord: (word: RuleBytes, rest: RuleBytes) {
    let all = trimmed
    guard let space = all.firstIndex(where: Self.isSpace) else { return (all, all[all.endIndex...]) }
    return (all[..<space], all[space...].trimmed)
  }

  /// Without this byte at the start; nil where it is another one.
  func dropping(_ first: Character) -> RuleBytes? { self.first == first.asciiValue ? dropFirst() : nil }

  /// Decimal, or hexadecimal behind `0x`; nil for anything else and for what does not fit.
  var unsigned: UInt64? {
    if count > 2, self[startIndex] == 0x30, self[startIndex + 1] | 0x20 == 0x78 {
      return Self.digits(dropFirst(2), base: 16)
    }
    return Self.digits(self, base: 10)
  }

  /// As `unsigned`, perhaps with a sign.
  var signed: Int64? {
    if let rest = dropping("-") {
      guard let number = rest.unsigned, number <= UInt64(Int64.max) else { return nil }
      return -Int64(number)
    }
    return (dropping("+") ?? self).unsigned.flatMap { Int64(exactly: $0) }
  }

  static func digits(_ bytes: RuleBytes, base: UInt64) -> UInt64? {
    if bytes.isEmpty { return nil }
    var number: UInt64 = 0
    for byte in bytes {
      guard let digit = hexadecimalDigit(byte), digit < base else { return nil }
      let (high, low) = number.multipliedFullWidth(by: base)
      let (sum, overflows) = low.addingReportingOverflow(digit)
      if high != 0 || overflows { return nil }
      number = sum
    }
    return number
  }

  static func hexadecimalDigit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case 0x30...0x39: UInt64(byte - 0x30)
    case 0x41...0x46: UInt64(byte - 0x41 + 10)
    case 0x61...0x66: UInt64(byte - 0x61 + 10)
    default: nil
    }
  }
}

/// One of an enumeration's words.
func word<Word: RawRepresentable<String> & CaseIterable>(
  _ bytes: RuleBytes, _ keyword: String, as type: Word.Type = Word.self
) throws(RuleFault) -> Word {
  if let word = Word(rawValue: bytes.text) { return word }
  throw .wrong("\(keyword): \(bytes.shown) is none of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
}
