/// A file's bytes, checked, as the text that is given to the YAML parser.
///
/// Anchors and aliases are what makes YAML dangerous: a few lines can stand for a structure of any size and depth, which
/// is walked while keys are compared. Keys that `?` introduces, which can be of any size and lie in each other, are
/// compared level by level. So that the parser never sees either, every `&`, `*` and `?` is replaced by a character of
/// the private use area, and put back in what comes out of it. Where that was to be an anchor or alias, it is a plain
/// scalar that begins with the character, and is refused there.
struct YAMLText {
  static let largestFile = 2 << 20
  private static let signs: [(Unicode.Scalar, substitute: Unicode.Scalar)] = [
    ("&", "\u{e000}"), ("*", "\u{e001}"), ("?", "\u{e002}"),
  ]

  /// What the parser is given.
  let text: String

  /// The text of `bytes`, which are UTF-8 and have no control characters but tabs and line ends.
  init(_ bytes: [UInt8], file: String) throws(FirewallFileError) {
    if bytes.count > Self.largestFile {
      throw FirewallFileError(
        file: file, reason: "is larger than \(Self.largestFile >> 20) MiB, more than a rule file may be")
    }
    var place = YAMLNode.Place(line: 1, column: 1)
    var text = ""
    text.reserveCapacity(bytes.count + 64)
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    var previous: Unicode.Scalar = "\n"
    var isFirst = true
    reading: while true {
      switch decoder.decode(&iterator) {
      case .emptyInput: break reading
      case .error:
        throw FirewallFileError(file: file, place: place, reason: "is no UTF-8 text here; rule files are in UTF-8")
      case .scalarValue(let scalar):
        defer { isFirst = false }
        // A byte order mark is no part of the text.
        if isFirst && scalar == "\u{feff}" { continue }
        if !Self.isAllowed(scalar) {
          let code = String(scalar.value, radix: 16, uppercase: true)
          let number = String(repeating: "0", count: max(0, 4 - code.count)) + code
          throw FirewallFileError(
            file: file, place: place, reason: "the character U+\(number) has no place in a rule file")
        }
        text.unicodeScalars.append(Self.signs.first { $0.0 == scalar }?.substitute ?? scalar)
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
    self.text = text
  }

  /// Not what ends a line for a YAML parser and not for an editor, not what hides text, not what stands for a sign.
  private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x20..<0x7f, 0x09, 0x0a, 0x0d, 0xa0...0x1fff, 0x2010...0x2027, 0x2030...0x205f, 0x2070...0xd7ff: true
    case 0xe003...0xfefe, 0xff00...0xfffd, 0x1_0000...0x10_ffff: true
    default: false
    }
  }

  /// A text that came out of the parser, as it is in the file.
  static func restored(_ text: String) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { scalars.append(signs.first { $0.substitute == scalar }?.0 ?? scalar) }
    return String(scalars)
  }

  /// The first anchor or alias up to a line, as far as that can be told without parsing. It explains errors that a
  /// parser which does not know them finds after one.
  func firstAnchor(through lastLine: Int) -> YAMLNode.Place? {
    var place = YAMLNode.Place(line: 1, column: 0)
    var previous: Unicode.Scalar = " "
    var isComment = false
    var isQuoted = false
    for scalar in text.unicodeScalars {
      if scalar == "\n" {
        place = YAMLNode.Place(line: place.line + 1, column: 0)
        if place.line > lastLine { return nil }
        (isComment, isQuoted) = (false, false)
      } else {
        place.column += 1
        if scalar == "#" && (previous == " " || previous == "\n") { isComment = true }
        if scalar == "\"" || scalar == "'" { isQuoted.toggle() }
        let isMarked = scalar == "\u{e000}" || scalar == "\u{e001}"
        if isMarked && !isComment && !isQuoted && " \t\n[{,-:".unicodeScalars.contains(previous) { return place }
      }
      previous = scalar
    }
    return nil
  }
}
