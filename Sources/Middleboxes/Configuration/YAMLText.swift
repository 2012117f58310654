/// A file's bytes, checked before a parser sees them.
struct YAMLText {
  static let largestFile = 2 << 20
  private static let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]

  /// UTF-8, without a byte order mark.
  let bytes: [UInt8]

  /// Takes `bytes` that are UTF-8 and have no control characters but tabs and line ends.
  init(_ bytes: [UInt8], file: String, kind: ConfigurationKind = .rules) throws(ConfigurationError) {
    if bytes.count > Self.largestFile {
      throw ConfigurationError(
        file: file, reason: "is larger than \(Self.largestFile >> 20) MiB, more than a \(kind.noun) may be")
    }
    var place = YAMLNode.Place(line: 1, column: 1)
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    var previous: Unicode.Scalar = "\n"
    var isFirst = true
    reading: while true {
      switch decoder.decode(&iterator) {
      case .emptyInput: break reading
      case .error:
        throw ConfigurationError(file: file, place: place, reason: "is no UTF-8 text here; \(kind.noun)s are in UTF-8")
      case .scalarValue(let scalar):
        defer { isFirst = false }
        // A byte order mark is no part of the text.
        if isFirst && scalar == "\u{feff}" { continue }
        if !Self.isAllowed(scalar) {
          let code = String(scalar.value, radix: 16, uppercase: true)
          let number = String(repeating: "0", count: max(0, 4 - code.count)) + code
          throw ConfigurationError(
            file: file, place: place, reason: "the character U+\(number) has no place in a \(kind.noun)")
        }
        if scalar == "\n" || scalar == "\r" {
          // Of a carriage return and a line feed the second begins no further line.
          if scalar == "\r" || previous != "\r" { place.line += 1 }
          place.column = 1
        } else {
          place.column += 1
        }
        previous = scalar
      }
    }
    self.bytes = bytes.starts(with: Self.byteOrderMark) ? Array(bytes.dropFirst(Self.byteOrderMark.count)) : bytes
  }

  /// Not what ends a line for a YAML parser and not for an editor, not what hides text, not what
  /// means something else to each program (private use).
  private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x20..<0x7f, 0x09, 0x0a, 0x0d, 0xa0...0x1fff, 0x2010...0x2027, 0x2030...0x205f, 0x2070...0xd7ff: true
    case 0xf900...0xfefe, 0xff00...0xfffd, 0x1_0000...0x10_ffff: true
    default: false
    }
  }
}
