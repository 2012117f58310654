/// A ClientHello or ServerHello (RFC 5246 7.4.1, RFC 8446 4.1), taken apart. The parts lie in the message.
struct TLSHello {
  /// A type and a length of three bytes.
  static let headerBytes = 4

  let kind: TLSMessage.Kind
  /// What the hello itself says; since TLS 1.3 that is always TLS 1.2.
  private(set) var legacyVersion: UInt16 = 0
  /// What a client offers, or the one that a server chose.
  private(set) var ciphers = Self.nothing
  /// All extensions, with types and lengths.
  private(set) var extensions = Self.nothing
  /// The first host name (RFC 6066 3).
  private(set) var serverName: UnsafeRawBufferPointer?
  private(set) var groups = Self.nothing
  private(set) var pointFormats = Self.nothing
  private(set) var signatureAlgorithms = Self.nothing
  /// The first protocol of ALPN (RFC 7301 3.1).
  private(set) var applicationProtocol = Self.nothing
  /// The version: a client's highest, a server's choice.
  private(set) var version: UInt16 = 0
  /// Whether all lengths are right.
  private(set) var isValid = false

  private static var nothing: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

  /// Which hello begins with this byte.
  static func kind(_ type: UInt8) -> TLSMessage.Kind? {
    switch type {
    case 1: .clientHello
    case 2: .serverHello
    default: nil
    }
  }

  /// How long a message is, as its header says, and with it.
  static func length(_ header: UnsafeRawBufferPointer) -> Int {
    headerBytes + Int(header[1]) << 16 + Int(header[2]) << 8 + Int(header[3])
  }

  /// A value of which each hello may have some, so that implementations do not forget that there may be new ones (RFC 8701).
  static func isGREASE(_ number: UInt16) -> Bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
  }

  /// Reads a whole message, whose first byte tells its kind.
  init(_ message: UnsafeRawBufferPointer) {
    kind = Self.kind(message[0]) ?? .clientHello
    var reader = WireReader(UnsafeRawBufferPointer(rebasing: message[Self.headerBytes...]))
    isValid = read(&reader)
  }

  private mutating func read(_ reader: inout WireReader) -> Bool {
    guard let version = reader.number16() else { return false }
    legacyVersion = version
    self.version = version
    // The random number and the session.
    guard reader.part(32) != nil, reader.part8() != nil else { return false }
    switch kind {
    case .clientHello:
      guard let ciphers = reader.part16(), ciphers.count % 2 == 0, reader.part8() != nil else { return false }
      self.ciphers = ciphers
    case .serverHello:
      guard let cipher = reader.part(2), reader.byte() != nil else { return false }
      ciphers = cipher
    }
    if reader.remaining == 0 { return true }
    guard let extensions = reader.part16(), reader.remaining == 0 else { return false }
    self.extensions = extensions
    var parts = TLSExtensions(extensions)
    while let (type, data) = parts.next() {
      if !read(type, data) { return false }
    }
    return parts.isAtEnd
  }

  /// Reads what is needed of an extension. Of several of a type, of which there are none in good hellos, the first counts.
  private mutating func read(_ type: UInt16, _ data: UnsafeRawBufferPointer) -> Bool {
    var reader = WireReader(data)
    switch (type, kind) {
    case (TLSExtensions.serverName, .clientHello): return readServerName(&reader)
    case (TLSExtensions.supportedGroups, .clientHello): return Self.read(reader.part16(), into: &groups, reader)
    case (TLSExtensions.pointFormats, .clientHello): return Self.read(reader.part8(), into: &pointFormats, reader)
    case (TLSExtensions.signatureAlgorithms, .clientHello):
      return Self.read(reader.part16(), into: &signatureAlgorithms, reader)
    case (TLSExtensions.applicationProtocols, .clientHello):
      guard let list = reader.part16() else { return false }
      var names = WireReader(list)
      return Self.read(list.isEmpty ? list : names.part8(), into: &applicationProtocol, reader)
    case (TLSExtensions.supportedVersions, .clientHello):
      guard let versions = reader.part8() else { return false }
      let known = WireNumbers(versions).filter { !Self.isGREASE($0) }
      version = known.max() ?? version
      return reader.remaining == 0
    case (TLSExtensions.supportedVersions, .serverHello):
      guard let chosen = reader.number16() else { return false }
      version = chosen
      return reader.remaining == 0
    default: return true
    }
  }

  private static func read(
    _ part: UnsafeRawBufferPointer?, into place: inout UnsafeRawBufferPointer, _ reader: WireReader
  ) -> Bool {
    guard let part, reader.remaining == 0 else { return false }
    if place.baseAddress == nil { place = part }
    return true
  }

  private mutating func readServerName(_ reader: inout WireReader) -> Bool {
    guard let list = reader.part16(), reader.remaining == 0 else { return false }
    var names = WireReader(list)
    while let type = names.byte() {
      guard let name = names.part16() else { return false }
      if type == 0, serverName == nil, !name.isEmpty { serverName = name }
    }
    return true
  }
}

/// The extensions of a hello, in their order.
struct TLSExtensions: Sequence, IteratorProtocol {
  static let serverName: UInt16 = 0
  static let supportedGroups: UInt16 = 10
  static let pointFormats: UInt16 = 11
  static let signatureAlgorithms: UInt16 = 13
  static let applicationProtocols: UInt16 = 16
  static let supportedVersions: UInt16 = 43

  private var reader: WireReader

  init(_ bytes: UnsafeRawBufferPointer) { reader = WireReader(bytes) }

  /// Whether nothing is left: false behind an extension whose length is a lie.
  var isAtEnd: Bool { reader.remaining == 0 }

  mutating func next() -> (type: UInt16, data: UnsafeRawBufferPointer)? {
    let before = reader
    guard let type = reader.number16(), let data = reader.part16() else {
      reader = before
      return nil
    }
    return (type, data)
  }
}
