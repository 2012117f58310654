import DualStackTracker
import MOSCore

/// A line of a Zeek log in its tab-separated form; an unset field is `-`. Every column ends with a tab; the last tab
/// becomes the line's end.
enum ZeekFields: RecordFields {
  static func begin(_ text: inout TextCursor) {}
  static func end(_ text: inout TextCursor) { text.endColumns() }
  static func time(_ name: StaticString, _ value: Timestamp, _ text: inout TextCursor) {
    text.append(seconds: value.nanoseconds, decimals: 6)
    text.endColumn()
  }
  static func interval(_ name: StaticString, _ nanoseconds: Int64?, _ text: inout TextCursor) {
    if let nanoseconds { text.append(seconds: nanoseconds, decimals: 6) } else { text.appendUnset() }
    text.endColumn()
  }
  static func uid(_ name: StaticString, _ value: FlowUID, _ text: inout TextCursor) {
    text.append(uid: value)
    text.endColumn()
  }
  static func address(_ name: StaticString, _ value: IPAddress, _ text: inout TextCursor) {
    text.append(address: value)
    text.endColumn()
  }
  static func port(_ name: StaticString, _ value: UInt16, _ text: inout TextCursor) {
    text.append(decimal: UInt64(value))
    text.endColumn()
  }
  static func enumeration(_ name: StaticString, _ value: StaticString, _ text: inout TextCursor) {
    text.append(value)
    text.endColumn()
  }
  static func count(_ name: StaticString, _ value: UInt64?, _ text: inout TextCursor) {
    if let value { text.append(decimal: value) } else { text.appendUnset() }
    text.endColumn()
  }
  static func integer(_ name: StaticString, _ value: UInt64?, _ text: inout TextCursor) { count(name, value, &text) }
  static func boolean(_ name: StaticString, _ value: Bool?, _ text: inout TextCursor) {
    if let value { text.append(UInt8(ascii: value ? "T" : "F")) } else { text.appendUnset() }
    text.endColumn()
  }
  static func string(_ name: StaticString, _ value: StaticString?, _ text: inout TextCursor) {
    if let value { text.append(value) } else { text.appendUnset() }
    text.endColumn()
  }
  static func history(_ name: StaticString, _ value: UnsafePointer<FlowRecord>, _ text: inout TextCursor) {
    if value.pointee.history.count > 0 { text.append(history: value) } else { text.appendUnset() }
    text.endColumn()
  }
  static func digest(_ name: StaticString, _ value: StreamDigest?, _ text: inout TextCursor) {
    if let value { text.append(digest: value) } else { text.appendUnset() }
    text.endColumn()
  }
  static func communityID(_ name: StaticString, _ value: FlowKey, _ text: inout TextCursor) {
    if value.hasCommunityID { text.append(communityID: value) } else { text.appendUnset() }
    text.endColumn()
  }
  static func text(_ name: StaticString, _ value: [UInt8]?, _ text: inout TextCursor) {
    switch value {
    case nil, []?: text.appendUnset()
    // Would be read as unset.
    case [UInt8(ascii: "-")]?: text.append("\\x2d")
    case let value?: for byte in value { text.append(valueByte: byte, inJSON: false) }
    }
    text.endColumn()
  }
}

/// What a `ZeekHeaderFields` writes of each field.
protocol ZeekHeaderLine {
  /// The line's first word.
  static var title: StaticString { get }
  /// What stands in the column of a field.
  static func column(name: StaticString, type: StaticString) -> StaticString
}

/// The `#fields` line.
enum ZeekNames: ZeekHeaderLine {
  static var title: StaticString { "#fields\t" }
  static func column(name: StaticString, type: StaticString) -> StaticString { name }
}

/// The `#types` line, in Zeek's types.
enum ZeekTypes: ZeekHeaderLine {
  static var title: StaticString { "#types\t" }
  static func column(name: StaticString, type: StaticString) -> StaticString { type }
}

/// A line of a Zeek log's header that has a column for each field.
enum ZeekHeaderFields<Line: ZeekHeaderLine>: RecordFields {
  private static func add(_ name: StaticString, _ type: StaticString, _ text: inout TextCursor) {
    text.append(Line.column(name: name, type: type))
    text.endColumn()
  }
  static func begin(_ text: inout TextCursor) { text.append(Line.title) }
  static func end(_ text: inout TextCursor) { text.endColumns() }
  static func time(_ name: StaticString, _ value: Timestamp, _ text: inout TextCursor) { add(name, "time", &text) }
  static func interval(_ name: StaticString, _ value: Int64?, _ text: inout TextCursor) { add(name, "interval", &text) }
  static func uid(_ name: StaticString, _ value: FlowUID, _ text: inout TextCursor) { add(name, "string", &text) }
  static func address(_ name: StaticString, _ value: IPAddress, _ text: inout TextCursor) { add(name, "addr", &text) }
  static func port(_ name: StaticString, _ value: UInt16, _ text: inout TextCursor) { add(name, "port", &text) }
  static func enumeration(_ name: StaticString, _ value: StaticString, _ text: inout TextCursor) {
    add(name, "enum", &text)
  }
  static func count(_ name: StaticString, _ value: UInt64?, _ text: inout TextCursor) { add(name, "count", &text) }
  static func integer(_ name: StaticString, _ value: UInt64?, _ text: inout TextCursor) { add(name, "int", &text) }
  static func boolean(_ name: StaticString, _ value: Bool?, _ text: inout TextCursor) { add(name, "bool", &text) }
  static func string(_ name: StaticString, _ value: StaticString?, _ text: inout TextCursor) {
    add(name, "string", &text)
  }
  static func history(_ name: StaticString, _ value: UnsafePointer<FlowRecord>, _ text: inout TextCursor) {
    add(name, "string", &text)
  }
  static func digest(_ name: StaticString, _ value: StreamDigest?, _ text: inout TextCursor) {
    add(name, "string", &text)
  }
  static func communityID(_ name: StaticString, _ value: FlowKey, _ text: inout TextCursor) {
    add(name, "string", &text)
  }
  static func text(_ name: StaticString, _ value: [UInt8]?, _ text: inout TextCursor) { add(name, "string", &text) }
}

extension TextCursor {
  fileprivate mutating func endColumn() { append(UInt8(ascii: "\t")) }
  fileprivate mutating func appendUnset() { append(UInt8(ascii: "-")) }
  fileprivate mutating func endColumns() {
    next -= 1
    append(UInt8(ascii: "\n"))
  }
}
