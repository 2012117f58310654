/// A request's target in the form in which rules look for it, as Suricata has it with libhtp's personality `IDS`.
///
/// Scheme, user, host and port are left out. In the path `%41` and `%u0041` are decoded once, backslashes are slashes,
/// several slashes are one, UTF-8 becomes single bytes, and `.` and `..` are resolved (RFC 3986 5.2.4). In the query `%41`
/// is decoded. What is no escape stays as it is. The case of letters stays.
enum URINormalizer {
  /// Appends the normalized target.
  static func normalize(_ target: UnsafeRawBufferPointer, into bytes: inout [UInt8]) {
    let parts = URIParts(target)
    let start = bytes.count
    decodePath(UnsafeRawBufferPointer(rebasing: target[parts.path]), into: &bytes)
    flattenUTF8(&bytes, from: start)
    removeDotSegments(&bytes, from: start)
    if let query = parts.query {
      bytes.append(UInt8(ascii: "?"))
      decodeQuery(UnsafeRawBufferPointer(rebasing: target[query]), into: &bytes)
    }
    if let fragment = parts.fragment {
      bytes.append(UInt8(ascii: "#"))
      decodePath(UnsafeRawBufferPointer(rebasing: target[fragment]), into: &bytes)
    }
  }

  /// `%41` at `index`.
  private static func escape(_ text: UnsafeRawBufferPointer, at index: Int) -> UInt8? {
    guard index + 2 < text.count, text[index] == UInt8(ascii: "%"), let high = ASCII.hexadecimal(text[index + 1]),
      let low = ASCII.hexadecimal(text[index + 2])
    else { return nil }
    return high << 4 | low
  }

  /// `%u0041` at `index`.
  private static func wideEscape(_ text: UnsafeRawBufferPointer, at index: Int) -> UInt32? {
    guard index + 5 < text.count, text[index] == UInt8(ascii: "%"), text[index + 1] | 0x20 == UInt8(ascii: "u") else {
      return nil
    }
    var value: UInt32 = 0
    for place in index + 2...index + 5 {
      guard let digit = ASCII.hexadecimal(text[place]) else { return nil }
      value = value << 4 | UInt32(digit)
    }
    return value
  }

  private static func decodePath(_ path: UnsafeRawBufferPointer, into bytes: inout [UInt8]) {
    let slash = UInt8(ascii: "/")
    var index = 0
    var isBehindSlash = false
    while index < path.count {
      var byte = path[index]
      if byte == UInt8(ascii: "%"), let value = wideEscape(path, at: index) {
        byte = BestFit.byte(value)
        index += 6
      } else if byte == UInt8(ascii: "%"), let value = escape(path, at: index) {
        byte = value
        index += 3
      } else {
        index += 1
      }
      if byte == UInt8(ascii: "\\") { byte = slash }
      if byte != slash || !isBehindSlash { bytes.append(byte) }
      isBehindSlash = byte == slash
    }
  }

  private static func decodeQuery(_ query: UnsafeRawBufferPointer, into bytes: inout [UInt8]) {
    var index = 0
    while index < query.count {
      if let value = escape(query, at: index) {
        bytes.append(value)
        index += 3
      } else {
        bytes.append(query[index])
        index += 1
      }
    }
  }

  /// Sequences that are longer than they need be are taken too: servers have taken them. What is no UTF-8 stays.
  private static func flattenUTF8(_ bytes: inout [UInt8], from start: Int) {
    guard bytes[start...].contains(where: { $0 >= 0x80 }) else { return }
    var read = start
    var write = start
    while read < bytes.count {
      let first = bytes[read]
      let length = first < 0xc0 || first >= 0xf8 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
      var value = UInt32(length == 1 ? first : first & (0x7f >> UInt8(length)))
      var taken = 1
      while taken < length, read + taken < bytes.count, bytes[read + taken] & 0xc0 == 0x80 {
        value = value << 6 | UInt32(bytes[read + taken] & 0x3f)
        taken += 1
      }
      if taken < length {
        bytes[write] = first
        taken = 1
      } else {
        bytes[write] = BestFit.byte(value)
      }
      write += 1
      read += taken
    }
    bytes.removeSubrange(write...)
  }

  private static func removeDotSegments(_ bytes: inout [UInt8], from start: Int) {
    let slash = UInt8(ascii: "/")
    let dot = UInt8(ascii: ".")
    var read = start
    var write = start
    // The segments that were written begin with their slash; a path without a slash at first loses its dots.
    while read < bytes.count {
      let hasSlash = bytes[read] == slash
      let segment = hasSlash ? read + 1 : read
      var end = segment
      while end < bytes.count, bytes[end] != slash { end += 1 }
      let isDot = end == segment + 1 && bytes[segment] == dot
      let isTwoDots = end == segment + 2 && bytes[segment] == dot && bytes[segment + 1] == dot
      if isDot || isTwoDots {
        if isTwoDots {
          while write > start, bytes[write - 1] != slash { write -= 1 }
          if write > start { write -= 1 }
        }
        if end == bytes.count, hasSlash {
          bytes[write] = slash
          write += 1
        }
        // Without a slash before it the segment takes the one behind it away.
        read = hasSlash ? end : min(end + 1, bytes.count)
      } else {
        while read < end {
          bytes[write] = bytes[read]
          write += 1
          read += 1
        }
      }
    }
    bytes.removeSubrange(write...)
  }
}
