/// Which byte of windows-1252 looks most like a character, as servers of Windows have it: `/` may be written in several
/// ways.
enum BestFit {
  /// Where nothing looks like it.
  static let replacement = UInt8(ascii: "?")

  /// The byte for a code point.
  static func byte(_ codePoint: UInt32) -> UInt8 {
    switch codePoint {
    case 0..<0x100: UInt8(codePoint)
    case 0x100..<0x180: latin[Int(codePoint - 0x100)]
    case 0x2010...0x2012: UInt8(ascii: "-")
    case 0x2044, 0x2215: UInt8(ascii: "/")
    case 0x2216: UInt8(ascii: "\\")
    case 0x2032: UInt8(ascii: "'")
    case 0x3000: ASCII.space
    // Fullwidth forms.
    case 0xff01...0xff5e: UInt8(codePoint - 0xff01 + 0x21)
    default: replacement
    }
  }

  /// U+0100 to U+017F.
  private static let latin: [UInt8] = Array(
    ("AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIi??JjKk?LlLlLl??LlNnNnNn???OoOoOo??"
      + "RrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZz?").utf8)
}
