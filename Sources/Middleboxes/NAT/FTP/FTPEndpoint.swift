/// The end for a data connection that a line of an FTP control connection names: a command's (PORT of RFC 959, EPRT of
/// RFC 2428) or a reply's (227 and 229).
struct FTPEndpoint: Equatable {
  /// The longest line that is looked at, with its end.
  static let longestLine = 256
  /// How many bytes of a line tell whether it may name an end.
  static let prefixLength = 5

  /// Which bytes of the line name it.
  var range: Range<Int>
  /// Nil where the line names the port alone.
  var address: UInt32?
  var port: UInt16
  /// What stands between the parts; nil for those that are numbers with commas.
  private var delimiter: UInt8?

  /// Whether a line that begins with `bytes` can name an end; those behind `prefixLength` do not matter.
  static func mayBegin(_ bytes: some Collection<UInt8>, isCommand: Bool) -> Bool {
    let words: [StaticString] = isCommand ? ["PORT ", "EPRT "] : ["227 ", "229 "]
    return words.contains { word in
      var index = 0
      for byte in bytes.prefix(prefixLength) where index < word.utf8CodeUnitCount {
        if word.utf8Start[index] != uppercased(byte) { return false }
        index += 1
      }
      return true
    }
  }

  /// Reads a line, with or without its end; nil for one that names no end of IPv4.
  init?(_ line: [UInt8], isCommand: Bool) {
    var count = line.count
    while count > 0, line[count - 1] == 10 || line[count - 1] == 13 { count -= 1 }
    guard line.count <= FTPEndpoint.longestLine, count > 5, FTPEndpoint.mayBegin(line, isCommand: isCommand) else {
      return nil
    }
    var scanner = Scanner(line: line, at: 4, end: count)
    switch (isCommand, FTPEndpoint.uppercased(line[isCommand ? 0 : 2])) {
    case (true, UInt8(ascii: "P")):
      scanner.skip { $0 == 32 }
      guard let end = scanner.numbers(), scanner.isAtEnd else { return nil }
      self = end
    case (true, _):
      scanner.skip { $0 == 32 }
      guard let end = scanner.extended(), scanner.isAtEnd else { return nil }
      self = end
    case (false, UInt8(ascii: "7")):
      // RFC 1123 4.1.2.6: whatever stands around the numbers, they begin with the first digit.
      scanner.skip { !FTPEndpoint.isDigit($0) }
      guard let end = scanner.numbers() else { return nil }
      self = end
    default:
      scanner.skip { $0 != UInt8(ascii: "(") }
      guard scanner.take(UInt8(ascii: "(")), let end = scanner.extendedPort(), scanner.take(UInt8(ascii: ")")) else {
        return nil
      }
      self = end
    }
  }

  private init(range: Range<Int>, address: UInt32?, port: UInt16, delimiter: UInt8?) {
    (self.range, self.address, self.port, self.delimiter) = (range, address, port, delimiter)
  }

  /// `line` with another end in the place of this one.
  func replacing(_ address: UInt32, _ port: UInt16, in line: [UInt8]) -> [UInt8] {
    let bytes = (0..<4).map { String(address >> (24 - 8 * UInt32($0)) & 0xff) }
    let text: String
    if let delimiter {
      let mark = String(UnicodeScalar(delimiter))
      let start = self.address == nil ? mark + mark : mark + "1" + mark + bytes.joined(separator: ".")
      text = start + mark + String(port) + mark
    } else {
      text = (bytes + [String(port >> 8), String(port & 0xff)]).joined(separator: ",")
    }
    return line[..<range.lowerBound] + Array(text.utf8) + line[range.upperBound...]
  }

  fileprivate static func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }
  private static func uppercased(_ byte: UInt8) -> UInt8 { byte >= 97 && byte <= 122 ? byte - 32 : byte }

  /// Goes through a line.
  private struct Scanner {
    let line: [UInt8]
    var at: Int
    let end: Int

    /// Whether nothing but spaces follows.
    var isAtEnd: Bool { line[at..<end].allSatisfy { $0 == 32 } }

    mutating func skip(_ condition: (UInt8) -> Bool) {
      while at < end, condition(line[at]) { at += 1 }
    }

    mutating func take(_ byte: UInt8) -> Bool {
      guard at < end, line[at] == byte else { return false }
      at += 1
      return true
    }

    /// A number of at most `digits` digits.
    private mutating func number(_ digits: Int, atMost limit: UInt32) -> UInt32? {
      var value: UInt32 = 0
      var count = 0
      while at < end, FTPEndpoint.isDigit(line[at]) {
        guard count < digits else { return nil }
        value = value * 10 + UInt32(line[at] - 48)
        count += 1
        at += 1
      }
      return count > 0 && value <= limit ? value : nil
    }

    private mutating func bytes(_ count: Int, _ separator: UInt8) -> UInt32? {
      var value: UInt32 = 0
      for index in 0..<count {
        guard index == 0 || take(separator), let byte = number(3, atMost: 255) else { return nil }
        value = value << 8 | byte
      }
      return value
    }

    /// `h1,h2,h3,h4,p1,p2`
    mutating func numbers() -> FTPEndpoint? {
      let start = at
      guard let address = bytes(4, 44), take(44), let port = bytes(2, 44) else { return nil }
      return FTPEndpoint(range: start..<at, address: address, port: UInt16(port), delimiter: nil)
    }

    private mutating func delimiter() -> UInt8? {
      guard at < end, line[at] > 32, line[at] < 127, line[at] != 46, !FTPEndpoint.isDigit(line[at]) else { return nil }
      at += 1
      return line[at - 1]
    }

    /// `|1|h1.h2.h3.h4|port|`
    mutating func extended() -> FTPEndpoint? {
      let start = at
      guard let mark = delimiter(), take(49), take(mark), let address = bytes(4, 46), take(mark),
        let port = number(5, atMost: 65_535), take(mark)
      else { return nil }
      return FTPEndpoint(range: start..<at, address: address, port: UInt16(port), delimiter: mark)
    }

    /// `|||port|`
    mutating func extendedPort() -> FTPEndpoint? {
      let start = at
      guard let mark = delimiter(), take(mark), take(mark), let port = number(5, atMost: 65_535), take(mark) else {
        return nil
      }
      return FTPEndpoint(range: start..<at, address: nil, port: UInt16(port), delimiter: mark)
    }
  }
}
