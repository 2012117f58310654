import DualStackTracker
import MOSCore

/// One form of a record. `ConnectionLog` names each field once, and the form makes of it a member, a column, or a
/// column's name or type in the header; so these cannot disagree.
///
/// A value of `nil` is an unset field.
protocol RecordFields {
  static func begin(_ text: inout RecordText)
  static func end(_ text: inout RecordText)
  static func time(_ name: StaticString, _ value: Timestamp, _ text: inout RecordText)
  static func interval(_ name: StaticString, _ nanoseconds: Int64?, _ text: inout RecordText)
  static func uid(_ name: StaticString, _ value: FlowUID, _ text: inout RecordText)
  static func address(_ name: StaticString, _ value: IPAddress, _ text: inout RecordText)
  static func port(_ name: StaticString, _ value: UInt16, _ text: inout RecordText)
  static func enumeration(_ name: StaticString, _ value: StaticString, _ text: inout RecordText)
  static func count(_ name: StaticString, _ value: UInt64?, _ text: inout RecordText)
  static func integer(_ name: StaticString, _ value: UInt64?, _ text: inout RecordText)
  static func boolean(_ name: StaticString, _ value: Bool?, _ text: inout RecordText)
  static func string(_ name: StaticString, _ value: StaticString?, _ text: inout RecordText)
  static func history(_ name: StaticString, _ value: UnsafePointer<FlowRecord>, _ text: inout RecordText)
  static func digest(_ name: StaticString, _ value: StreamDigest?, _ text: inout RecordText)
  static func communityID(_ name: StaticString, _ value: FlowKey, _ text: inout RecordText)
}

extension RecordText {
  /// Appends Zeek's history letters.
  mutating func append(history flow: UnsafePointer<FlowRecord>) {
    let count = Int(flow.pointee.history.count)
    reserve(count)
    for index in 0..<count { append(flow.pointee.history[index]) }
  }

  /// Appends a SHA-256 digest as 64 hexadecimal digits.
  mutating func append(digest: StreamDigest) {
    append(hexadecimal: digest.sha256.0, digits: 16)
    append(hexadecimal: digest.sha256.1, digits: 16)
    append(hexadecimal: digest.sha256.2, digits: 16)
    append(hexadecimal: digest.sha256.3, digits: 16)
  }
}

/// A JSON object; unset fields are left out.
enum JSONFields: RecordFields {
  @inline(__always)
  static func begin(_ text: inout RecordText) { text.beginObject() }
  @inline(__always)
  static func end(_ text: inout RecordText) { text.endRecord() }
  @inline(__always)
  static func time(_ name: StaticString, _ value: Timestamp, _ text: inout RecordText) {
    text.key(name)
    text.append(timestamp: value)
  }
  @inline(__always)
  static func interval(_ name: StaticString, _ nanoseconds: Int64?, _ text: inout RecordText) {
    guard let nanoseconds else { return }
    text.key(name)
    text.append(seconds: nanoseconds, decimals: nanoseconds % 1000 == 0 ? 6 : 9)
  }
  @inline(__always)
  static func uid(_ name: StaticString, _ value: FlowUID, _ text: inout RecordText) {
    text.key(name)
    text.append(UInt8(ascii: "\""))
    text.append(uid: value)
    text.append(UInt8(ascii: "\""))
  }
  @inline(__always)
  static func address(_ name: StaticString, _ value: IPAddress, _ text: inout RecordText) { text.member(name, value) }
  @inline(__always)
  static func port(_ name: StaticString, _ value: UInt16, _ text: inout RecordText) { text.member(name, UInt64(value)) }
  @inline(__always)
  static func enumeration(_ name: StaticString, _ value: StaticString, _ text: inout RecordText) {
    text.member(name, value)
  }
  @inline(__always)
  static func count(_ name: StaticString, _ value: UInt64?, _ text: inout RecordText) {
    guard let value else { return }
    text.member(name, value)
  }
  @inline(__always)
  static func integer(_ name: StaticString, _ value: UInt64?, _ text: inout RecordText) { count(name, value, &text) }
  @inline(__always)
  static func boolean(_ name: StaticString, _ value: Bool?, _ text: inout RecordText) {
    guard let value else { return }
    text.member(name, value)
  }
  @inline(__always)
  static func string(_ name: StaticString, _ value: StaticString?, _ text: inout RecordText) {
    guard let value else { return }
    text.member(name, value)
  }
  static func history(_ name: StaticString, _ value: UnsafePointer<FlowRecord>, _ text: inout RecordText) {
    if value.pointee.history.count == 0 && value.pointee.key.protocolNumber != 6 { return }
    text.key(name)
    text.append(UInt8(ascii: "\""))
    text.append(history: value)
    text.append(UInt8(ascii: "\""))
  }
  static func digest(_ name: StaticString, _ value: StreamDigest?, _ text: inout RecordText) {
    guard let value else { return }
    text.key(name)
    text.append(UInt8(ascii: "\""))
    text.append(digest: value)
    text.append(UInt8(ascii: "\""))
  }
  static func communityID(_ name: StaticString, _ value: FlowKey, _ text: inout RecordText) {
    guard value.hasCommunityID else { return }
    text.key(name)
    text.append(UInt8(ascii: "\""))
    text.append(communityID: value)
    text.append(UInt8(ascii: "\""))
  }
}
