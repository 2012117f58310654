import Crypto

/// Makes JA3, JA3S and JA4 of hellos, in memory that is used again.
struct TLSFingerprintMaker {
  private var text: [UInt8] = []
  private var numbers: [UInt16] = []

  /// Calls `body` with each fingerprint that is wanted.
  mutating func make(
    of hello: TLSHello, _ limits: TLSLimits, _ body: (InspectionBuffer, UnsafeRawBufferPointer) -> Void
  ) {
    switch hello.kind {
    case .clientHello:
      makeJA3(of: hello, .ja3String, .ja3Hash, limits, body)
      if limits.wants(.ja4Hash) {
        makeJA4(of: hello)
        text.withUnsafeBytes { body(.ja4Hash, $0) }
      }
    case .serverHello: makeJA3(of: hello, .ja3ServerString, .ja3ServerHash, limits, body)
    }
  }

  // Salesforce's description: version, ciphers, extensions, and of a client groups and point formats; decimal, in their
  // order, without GREASE; the fingerprint is the text's MD5.
  private mutating func makeJA3(
    of hello: TLSHello, _ string: InspectionBuffer, _ hash: InspectionBuffer, _ limits: TLSLimits,
    _ body: (InspectionBuffer, UnsafeRawBufferPointer) -> Void
  ) {
    guard limits.wants(string) || limits.wants(hash) else { return }
    text.removeAll(keepingCapacity: true)
    append(decimal: hello.legacyVersion)
    text.append(UInt8(ascii: ","))
    append(list: WireNumbers(hello.ciphers))
    text.append(UInt8(ascii: ","))
    append(list: TLSExtensions(hello.extensions).lazy.map(\.type))
    if hello.kind == .clientHello {
      text.append(UInt8(ascii: ","))
      append(list: WireNumbers(hello.groups))
      text.append(UInt8(ascii: ","))
      append(list: hello.pointFormats.lazy.map { UInt16($0) })
    }
    text.withUnsafeBytes { bytes in
      if limits.wants(string) { body(string, bytes) }
    }
    guard limits.wants(hash) else { return }
    var digest = Insecure.MD5()
    text.withUnsafeBytes { digest.update(bufferPointer: $0) }
    text.removeAll(keepingCapacity: true)
    append(hexadecimal: digest.finalize(), digits: 32)
    text.withUnsafeBytes { body(hash, $0) }
  }

  // FoxIO's description of JA4: what is counted and told in ten characters, then hashes of the ciphers and of the
  // extensions with the signature algorithms.
  private mutating func makeJA4(of hello: TLSHello) {
    collect(WireNumbers(hello.ciphers))
    let ciphers = (count: numbers.count, hash: hashOfNumbers())
    collect(TLSExtensions(hello.extensions).lazy.map(\.type))
    let extensionCount = numbers.count
    let hasName = numbers.contains(TLSExtensions.serverName)
    numbers.removeAll { $0 == TLSExtensions.serverName || $0 == TLSExtensions.applicationProtocols }
    let extensions = hashOfNumbers(and: hello.signatureAlgorithms)

    text.removeAll(keepingCapacity: true)
    text.append(UInt8(ascii: "t"))
    append(Self.name(ofVersion: hello.version))
    text.append(UInt8(ascii: hasName ? "d" : "i"))
    append(twoDigits: ciphers.count)
    append(twoDigits: extensionCount)
    append(ends: hello.applicationProtocol)
    text.append(UInt8(ascii: "_"))
    text.append(contentsOf: ciphers.hash)
    text.append(UInt8(ascii: "_"))
    text.append(contentsOf: extensions)
  }

  private static func name(ofVersion version: UInt16) -> StaticString {
    switch version {
    case 0x0304: "13"
    case 0x0303: "12"
    case 0x0302: "11"
    case 0x0301: "10"
    case 0x0300: "s3"
    case 0x0002: "s2"
    default: "00"
    }
  }

  private mutating func collect(_ values: some Sequence<UInt16>) {
    numbers.removeAll(keepingCapacity: true)
    for value in values where !TLSHello.isGREASE(value) { numbers.append(value) }
  }

  /// Twelve digits of the SHA-256 of the numbers, sorted, and of others, as they come; zeros where there are none to sort.
  private mutating func hashOfNumbers(and others: UnsafeRawBufferPointer? = nil) -> [UInt8] {
    if numbers.isEmpty { return [UInt8](repeating: UInt8(ascii: "0"), count: 12) }
    numbers.sort()
    text.removeAll(keepingCapacity: true)
    for (index, number) in numbers.enumerated() {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      append(hexadecimal: number)
    }
    if let others {
      var separator = UInt8(ascii: "_")
      for number in WireNumbers(others) where !TLSHello.isGREASE(number) {
        text.append(separator)
        append(hexadecimal: number)
        separator = UInt8(ascii: ",")
      }
    }
    var digest = SHA256()
    text.withUnsafeBytes { digest.update(bufferPointer: $0) }
    text.removeAll(keepingCapacity: true)
    append(hexadecimal: digest.finalize(), digits: 12)
    return text
  }

  /// The first and the last character of a protocol's name; of the name in hexadecimal where one of them is no letter or
  /// digit; zeros where there is none.
  private mutating func append(ends name: UnsafeRawBufferPointer) {
    guard let first = name.first, let last = name.last else { return append("00") }
    if Self.isAlphanumeric(first), Self.isAlphanumeric(last) {
      text.append(first)
      text.append(last)
    } else {
      text.append(Self.digit(first >> 4))
      text.append(Self.digit(last & 15))
    }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    default: false
    }
  }

  private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

  private mutating func append(_ words: StaticString) {
    words.withUTF8Buffer { text.append(contentsOf: $0) }
  }

  private mutating func append(list: some Sequence<UInt16>) {
    var isFirst = true
    for number in list where !TLSHello.isGREASE(number) {
      if !isFirst { text.append(UInt8(ascii: "-")) }
      isFirst = false
      append(decimal: number)
    }
  }

  private mutating func append(decimal number: UInt16) {
    var divisor: UInt16 = 10_000
    while divisor > 1, number < divisor { divisor /= 10 }
    while divisor > 0 {
      text.append(0x30 + UInt8(number / divisor % 10))
      divisor /= 10
    }
  }

  private mutating func append(twoDigits count: Int) {
    let count = UInt8(min(count, 99))
    text.append(0x30 + count / 10)
    text.append(0x30 + count % 10)
  }

  private mutating func append(hexadecimal number: UInt16) {
    for shift in [12, 8, 4, 0] { text.append(Self.digit(UInt8(number >> UInt16(shift) & 15))) }
  }

  private mutating func append(hexadecimal digest: some Sequence<UInt8>, digits: Int) {
    for byte in digest.prefix(digits / 2) {
      text.append(Self.digit(byte >> 4))
      text.append(Self.digit(byte & 15))
    }
  }
}
