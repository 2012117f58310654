/// How long a message's body is (RFC 9112 6.3).
enum HTTPFraming: Equatable {
  case none
  case length(UInt64)
  case chunks
  case untilClose

  /// What a head's fields say. `isRequest` tells what holds where they say nothing that makes sense: there is no body, or
  /// one until the end of the stream.
  init(_ fields: HTTPFields, isRequest: Bool, note: (HTTPAnomaly) -> Void) {
    let unknown: HTTPFraming = isRequest ? .none : .untilClose
    let lengths = fields.values("content-length")
    if fields.first("transfer-encoding") != nil {
      if !lengths.isEmpty { note(.bothLengths) }
      let codings = fields.values("transfer-encoding").flatMap { $0.split(separator: UInt8(ascii: ",")) }
      if codings.contains(where: { Self.matches($0, "chunked") }) {
        if codings.last.map({ Self.matches($0, "chunked") }) != true { note(.invalidTransferEncoding) }
        self = .chunks
        return
      }
      if !codings.allSatisfy({ Self.matches($0, "identity") }) || lengths.isEmpty {
        note(.invalidTransferEncoding)
        self = lengths.isEmpty ? unknown : Self.length(lengths, unknown: unknown, note: note)
        return
      }
    }
    self = lengths.isEmpty ? unknown : Self.length(lengths, unknown: unknown, note: note)
  }

  private static func matches(_ coding: ArraySlice<UInt8>, _ name: StaticString) -> Bool {
    coding.withUnsafeBytes { bytes in
      let range = ASCII.trimmed(bytes, 0..<bytes.count)
      return ASCII.equals(UnsafeRawBufferPointer(rebasing: bytes[range]), lowercase: name)
    }
  }

  private static func length(
    _ values: [ArraySlice<UInt8>], unknown: HTTPFraming, note: (HTTPAnomaly) -> Void
  ) -> HTTPFraming {
    let lengths = values.flatMap { $0.split(separator: UInt8(ascii: ",")) }.map(decimal)
    guard let first = lengths.first, let first else {
      note(.invalidLength)
      return unknown
    }
    if lengths.contains(where: { $0 != first }) { note(.differentLengths) }
    return .length(first)
  }

  /// A number; the largest where it is too large; nil where it is none.
  private static func decimal(_ text: ArraySlice<UInt8>) -> UInt64? {
    text.withUnsafeBytes { bytes in
      let range = ASCII.trimmed(bytes, 0..<bytes.count)
      guard !range.isEmpty, range.allSatisfy({ bytes[$0] &- 0x30 < 10 }) else { return nil }
      var value: UInt64 = 0
      for index in range {
        let (product, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(UInt64(bytes[index] - 0x30))
        if overflow || carry { return .max }
        value = sum
      }
      return value
    }
  }
}
