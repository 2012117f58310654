extension TextCursor {
  /// Four bytes for each three, the last ones padded: bytes in Base64 (RFC 4648 section 4).
  mutating func append(base64 bytes: UnsafeRawBufferPointer) {
    let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = (0..<3).reduce(0) { $0 << 8 | (start + $1 < bytes.count ? Int(bytes[start + $1]) : 0) }
      for digit in 0..<4 {
        let isPadding = start + digit > bytes.count
        append(isPadding ? UInt8(ascii: "=") : alphabet.utf8Start[group >> (18 - digit * 6) & 63])
      }
    }
  }
}
