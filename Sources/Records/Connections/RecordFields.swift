import DualStackTracker
import MOSCore

/// One form of a record. `ConnectionLog` names each field once, and the form makes of it a member, a column, or a
/// column's name or type in the header; so these cannot disagree.
///
/// A value of `nil` is an unset field. Every field ends with what separates it from the next; `end` takes the last such
/// byte back. A field writes at most 128 bytes, but `text`, which writes five for each of the value's besides.
protocol RecordFields {
  static func begin(_ text: inout TextCursor)
  static func end(_ text: inout TextCursor)
  static func time(_ name: StaticString, _ value: Timestamp, _ text: inout TextCursor)
  static func interval(_ name: StaticString, _ nanoseconds: Int64?, _ text: inout TextCursor)
  static func uid(_ name: StaticString, _ value: FlowUID, _ text: inout TextCursor)
  static func address(_ name: StaticString, _ value: IPAddress, _ text: inout TextCursor)
  static func port(_ name: StaticString, _ value: UInt16, _ text: inout TextCursor)
  static func enumeration(_ name: StaticString, _ value: StaticString, _ text: inout TextCursor)
  static func count(_ name: StaticString, _ value: UInt64?, _ text: inout TextCursor)
  static func integer(_ name: StaticString, _ value: UInt64?, _ text: inout TextCursor)
  static func boolean(_ name: StaticString, _ value: Bool?, _ text: inout TextCursor)
  static func string(_ name: StaticString, _ value: StaticString?, _ text: inout TextCursor)
  static func history(_ name: StaticString, _ value: UnsafePointer<FlowRecord>, _ text: inout TextCursor)
  static func digest(_ name: StaticString, _ value: StreamDigest?, _ text: inout TextCursor)
  static func communityID(_ name: StaticString, _ value: FlowKey, _ text: inout TextCursor)
  /// Bytes of any content, of which those that are not printed are `\xHH` as in Zeek's logs; unset if there are none.
  static func text(_ name: StaticString, _ value: [UInt8]?, _ text: inout TextCursor)
}

extension TextCursor {
  /// At most 27 bytes: Zeek's history letters.
  mutating func append(history flow: UnsafePointer<FlowRecord>) {
    for index in 0..<Int(flow.pointee.history.count) { append(flow.pointee.history[index]) }
  }

  /// 64 bytes: a SHA-256 digest.
  mutating func append(digest: StreamDigest) {
    append(hexadecimal: digest.sha256.0, digits: 16)
    append(hexadecimal: digest.sha256.1, digits: 16)
    append(hexadecimal: digest.sha256.2, digits: 16)
    append(hexadecimal: digest.sha256.3, digits: 16)
  }

  /// At most five bytes: one of a value of any content. A backslash is two, so that `\xHH` has one meaning, and in JSON
  /// each backslash is two again.
  mutating func append(valueByte byte: UInt8, inJSON: Bool) {
    switch byte {
    case UInt8(ascii: "\""):
      if inJSON { append(UInt8(ascii: "\\")) }
      append(byte)
    case UInt8(ascii: "\\"):
      for _ in 0..<(inJSON ? 4 : 2) { append(byte) }
    case 0x20..<0x7f: append(byte)
    default:
      if inJSON { append(UInt8(ascii: "\\")) }
      append("\\x")
      append(hexadecimal: UInt64(byte), digits: 2)
    }
  }

  /// A member's name with quotes and colon.
  @inline(__always)
  fileprivate mutating func key(_ name: StaticString) {
    append(UInt8(ascii: "\""))
    append(name)
    append("\":")
  }

  /// A member's name and the quote before its string.
  @inline(__always)
  fileprivate mutating func beginString(_ name: StaticString) {
    append(UInt8(ascii: "\""))
    append(name)
    append("\":\"")
  }

  /// The quote behind a string, and the comma.
  @inline(__always)
  fileprivate mutating func endString() { append("\",") }
}

/// A JSON object; unset fields are left out.
enum JSONFields: RecordFields {
  @inline(__always)
  static func begin(_ text: inout TextCursor) { text.append(UInt8(ascii: "{")) }
  @inline(__always)
  static func end(_ text: inout TextCursor) {
    text.next -= 1
    text.append("}\n")
  }
  @inline(__always)
  static func time(_ name: StaticString, _ value: Timestamp, _ text: inout TextCursor) {
    interval(name, value.nanoseconds, &text)
  }
  @inline(__always)
  static func interval(_ name: StaticString, _ nanoseconds: Int64?, _ text: inout TextCursor) {
    guard let nanoseconds else { return }
    text.key(name)
    text.append(seconds: nanoseconds, decimals: nanoseconds % 1000 == 0 ? 6 : 9)
    text.append(UInt8(ascii: ","))
  }
  @inline(__always)
  static func uid(_ name: StaticString, _ value: FlowUID, _ text: inout TextCursor) {
    text.beginString(name)
    text.append(uid: value)
    text.endString()
  }
  @inline(__always)
  static func address(_ name: StaticString, _ value: IPAddress, _ text: inout TextCursor) {
    text.beginString(name)
    text.append(address: value)
    text.endString()
  }
  @inline(__always)
  static func port(_ name: StaticString, _ value: UInt16, _ text: inout TextCursor) {
    count(name, UInt64(value), &text)
  }
  @inline(__always)
  static func enumeration(_ name: StaticString, _ value: StaticString, _ text: inout TextCursor) {
    string(name, value, &text)
  }
  @inline(__always)
  static func count(_ name: StaticString, _ value: UInt64?, _ text: inout TextCursor) {
    guard let value else { return }
    text.key(name)
    text.append(decimal: value)
    text.append(UInt8(ascii: ","))
  }
  @inline(__always)
  static func integer(_ name: StaticString, _ value: UInt64?, _ text: inout TextCursor) { count(name, value, &text) }
  @inline(__always)
  static func boolean(_ name: StaticString, _ value: Bool?, _ text: inout TextCursor) {
    guard let value else { return }
    text.key(name)
    if value { text.append("true,") } else { text.append("false,") }
  }
  @inline(__always)
  static func string(_ name: StaticString, _ value: StaticString?, _ text: inout TextCursor) {
    guard let value else { return }
    text.beginString(name)
    text.append(value)
    text.endString()
  }
  static func history(_ name: StaticString, _ value: UnsafePointer<FlowRecord>, _ text: inout TextCursor) {
    if value.pointee.history.count == 0 && value.pointee.key.protocolNumber != 6 { return }
    text.beginString(name)
    text.append(history: value)
    text.endString()
  }
  static func digest(_ name: StaticString, _ value: StreamDigest?, _ text: inout TextCursor) {
    guard let value else { return }
    text.beginString(name)
    text.append(digest: value)
    text.endString()
  }
  static func communityID(_ name: StaticString, _ value: FlowKey, _ text: inout TextCursor) {
    guard value.hasCommunityID else { return }
    text.beginString(name)
    text.append(communityID: value)
    text.endString()
  }
  static func text(_ name: StaticString, _ value: [UInt8]?, _ text: inout TextCursor) {
    guard let value, !value.isEmpty else { return }
    text.beginString(name)
    for byte in value { text.append(valueByte: byte, inJSON: true) }
    text.endString()
  }
}
