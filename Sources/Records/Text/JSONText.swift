import MOSCore

/// JSON (RFC 8259), written straight into the text. Whether a comma is due is read off the last byte, so that there is
/// no state beside the text; an opening brace or bracket inside a string is always followed by the closing quote.
extension RecordText {
  /// Begins an object, as the whole record, as a key's value or as an array's element.
  public mutating func beginObject() {
    separateElement()
    append(UInt8(ascii: "{"))
  }

  /// Ends an object.
  public mutating func endObject() { append(UInt8(ascii: "}")) }

  /// Ends the object that is a record, and the line.
  public mutating func endRecord() { append("}\n") }

  /// Begins an array.
  public mutating func beginArray() {
    separateElement()
    append(UInt8(ascii: "["))
  }

  /// Ends an array.
  public mutating func endArray() { append(UInt8(ascii: "]")) }

  /// A member's name, which must need no escape; the value follows.
  @inline(__always)
  public mutating func key(_ name: StaticString) {
    if last != UInt8(ascii: "{") { append(UInt8(ascii: ",")) }
    append(UInt8(ascii: "\""))
    append(name)
    append("\":")
  }

  /// A member with an unsigned number.
  @inline(__always)
  public mutating func member(_ name: StaticString, _ value: UInt64) {
    key(name)
    append(decimal: value)
  }

  /// A member whose name needs no escape, with an unsigned number.
  mutating func member(name: String, _ value: UInt64) {
    key(name: name)
    append(decimal: value)
  }

  /// The same with a string of any content.
  mutating func member(name: String, string: String) {
    key(name: name)
    appendQuoted(string: string)
  }

  private mutating func key(name: String) {
    if last != UInt8(ascii: "{") { append(UInt8(ascii: ",")) }
    append(UInt8(ascii: "\""))
    append(string: name)
    append("\":")
  }

  /// A member with `true` or `false`.
  @inline(__always)
  public mutating func member(_ name: StaticString, _ value: Bool) {
    key(name)
    append(value ? "true" : "false")
  }

  /// A member with a string that needs no escape.
  @inline(__always)
  public mutating func member(_ name: StaticString, _ value: StaticString) {
    key(name)
    append(UInt8(ascii: "\""))
    append(value)
    append(UInt8(ascii: "\""))
  }

  /// A member with an address as a string.
  @inline(__always)
  public mutating func member(_ name: StaticString, _ value: IPAddress) {
    key(name)
    append(UInt8(ascii: "\""))
    append(address: value)
    append(UInt8(ascii: "\""))
  }

  /// A member with a flow's identifier as a string.
  @inline(__always)
  public mutating func member(_ name: StaticString, _ value: FlowUID) {
    key(name)
    append(UInt8(ascii: "\""))
    append(uid: value)
    append(UInt8(ascii: "\""))
  }

  /// A member with a flow's Community ID. Precondition: `key.hasCommunityID`.
  mutating func member(_ name: StaticString, communityID value: FlowKey) {
    key(name)
    append(UInt8(ascii: "\""))
    write(atMost: 30) { $0.append(communityID: value) }
    append(UInt8(ascii: "\""))
  }

  /// A member with a time stamp in ISO 8601, UTC.
  public mutating func member(_ name: StaticString, iso8601 value: Timestamp) {
    key(name)
    append(UInt8(ascii: "\""))
    append(iso8601: value)
    append(UInt8(ascii: "\""))
  }

  /// A member with a name from a table.
  mutating func member(_ name: StaticString, _ table: NameTable, _ index: UInt8) {
    key(name)
    append(UInt8(ascii: "\""))
    append(bytes: table[index])
    append(UInt8(ascii: "\""))
  }

  /// A member whose name is from a table, with an unsigned number.
  mutating func member(_ table: NameTable, _ index: UInt8, _ value: UInt64) {
    if last != UInt8(ascii: "{") { append(UInt8(ascii: ",")) }
    append(UInt8(ascii: "\""))
    append(bytes: table[index])
    append("\":")
    append(decimal: value)
  }

  /// A member with a string of any content.
  public mutating func member(_ name: StaticString, string: String) {
    key(name)
    appendQuoted(string: string)
  }

  /// An array's element: an unsigned number.
  public mutating func element(_ value: UInt64) {
    separateElement()
    append(decimal: value)
  }

  /// An array's element: a string of any content.
  public mutating func element(string: String) {
    separateElement()
    appendQuoted(string: string)
  }

  /// A quoted string of any content.
  public mutating func appendQuoted(string: String) {
    var string = string
    string.withUTF8 { appendQuoted(bytes: UnsafeRawBufferPointer($0)) }
  }

  private mutating func separateElement() {
    switch last {
    case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: ":"), UInt8(ascii: "\n"), 0: return
    default: append(UInt8(ascii: ","))
    }
  }

  /// A quoted string from bytes that should be UTF-8. Quotes, backslashes and every control character (C0, DEL and C1,
  /// which a terminal would obey) are escaped; what is not UTF-8 becomes U+FFFD, one for each maximal part of a
  /// sequence (Unicode 16, 3.9, table 3-7).
  public mutating func appendQuoted(bytes: UnsafeRawBufferPointer) {
    append(UInt8(ascii: "\""))
    appendEscaped(bytes: bytes)
    append(UInt8(ascii: "\""))
  }

  /// The same without the quotes around it, for a line that people read on a terminal.
  public mutating func appendEscaped(string: String) {
    var string = string
    string.withUTF8 { appendEscaped(bytes: UnsafeRawBufferPointer($0), escapesQuotes: false) }
  }

  private mutating func appendEscaped(bytes: UnsafeRawBufferPointer, escapesQuotes: Bool = true) {
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if byte < 0x80 {
        if byte == UInt8(ascii: "\""), !escapesQuotes { append(byte) } else { append(escaped: byte) }
        index &+= 1
        continue
      }
      let (length, isValid) = RecordText.sequence(at: index, in: bytes)
      if !isValid {
        append("\\ufffd")
      } else if byte == 0xc2 && bytes[index &+ 1] < 0xa0 {
        append("\\u00")
        append(hexadecimal: UInt64(bytes[index &+ 1]), digits: 2)
      } else {
        append(bytes: UnsafeRawBufferPointer(rebasing: bytes[index..<index &+ length]))
      }
      index &+= length
    }
  }

  private mutating func append(escaped byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""): append("\\\"")
    case UInt8(ascii: "\\"): append("\\\\")
    case UInt8(ascii: "\n"): append("\\n")
    case UInt8(ascii: "\r"): append("\\r")
    case UInt8(ascii: "\t"): append("\\t")
    case 0x20..<0x7f: append(byte)
    default:
      append("\\u00")
      append(hexadecimal: UInt64(byte), digits: 2)
    }
  }

  /// The length of the UTF-8 sequence that starts with a byte of 0x80 or more, or of its longest valid beginning (at
  /// least 1) when it is not whole.
  private static func sequence(at start: Int, in bytes: UnsafeRawBufferPointer) -> (length: Int, isValid: Bool) {
    let first = bytes[start]
    let (length, second): (Int, ClosedRange<UInt8>)
    switch first {
    case 0xc2...0xdf: (length, second) = (2, 0x80...0xbf)
    case 0xe0: (length, second) = (3, 0xa0...0xbf)
    case 0xed: (length, second) = (3, 0x80...0x9f)
    case 0xe1...0xef: (length, second) = (3, 0x80...0xbf)
    case 0xf0: (length, second) = (4, 0x90...0xbf)
    case 0xf1...0xf3: (length, second) = (4, 0x80...0xbf)
    case 0xf4: (length, second) = (4, 0x80...0x8f)
    default: return (1, false)
    }
    var have = 1
    while have < length && start &+ have < bytes.count {
      let byte = bytes[start &+ have]
      guard have == 1 ? second.contains(byte) : byte & 0xc0 == 0x80 else { break }
      have &+= 1
    }
    return (have, have == length)
  }
}
