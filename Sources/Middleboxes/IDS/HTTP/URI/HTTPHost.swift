/// A host in the form in which rules look for it: in lower case, without port and without dots at its end.
enum HTTPHost {
  /// How many bytes of a value of Host, or of a target's authority, come before the port.
  static func length(_ value: UnsafeRawBufferPointer) -> Int {
    if value.first == UInt8(ascii: "[") {
      // The colons in brackets are an address's (RFC 3986 3.2.2).
      return value.firstIndex(of: UInt8(ascii: "]")).map { $0 + 1 } ?? value.count
    }
    guard let colon = value.lastIndex(of: UInt8(ascii: ":")), value[(colon + 1)...].allSatisfy({ $0 &- 0x30 < 10 })
    else { return value.count }
    return colon
  }

  /// Makes the normalized host of a value.
  static func normalize(_ value: inout [UInt8]) {
    var end = value.withUnsafeBytes(length)
    while end > 0, value[end - 1] == UInt8(ascii: ".") || ASCII.isBlank(value[end - 1]) { end -= 1 }
    value.removeSubrange(end...)
    for index in value.indices { value[index] = ASCII.lowercased(value[index]) }
  }
}
