import MOSCore

/// How far the bytes of one side of a flow have been read.
struct TLSDirection: BitwiseCopyable {
  enum Stage: UInt8, BitwiseCopyable {
    case header, payload
    /// The hello has come, or none will.
    case over
  }

  var stage = Stage.header
  /// Whether a hello began.
  var isTLS = false
  var isHandshake = false
  var headerCount: UInt8 = 0
  /// The header of the record at hand.
  var header = InlineArray<5, UInt8>(repeating: 0)
  /// Bytes of the record that are to come.
  var remaining: UInt16 = 0
  /// Records that were left out.
  var alerts: UInt8 = 0
  /// What there is of the hello.
  var message: PartialMessages.Place = 0
}

/// What five bytes at the beginning of a record say.
enum TLSRecordHeader {
  /// A record with this many bytes.
  case handshake(UInt16), alert(UInt16)
  /// A hello as SSL 2.0 has it, which offers this version.
  case oldHello(UInt16)
  /// A record of a length that none has.
  case invalid
  case other

  /// A record's bytes with what encryption adds (RFC 5246 6.2.3).
  private static let longest: UInt16 = 16_384 + 2048

  init(_ bytes: InlineArray<5, UInt8>) {
    let length = UInt16(bytes[3]) << 8 | UInt16(bytes[4])
    switch (bytes[0], bytes[1]) {
    case (21, 3) where bytes[2] <= 4, (22, 3) where bytes[2] <= 4:
      if length == 0 || length > Self.longest {
        self = .invalid
      } else {
        self = bytes[0] == 22 ? .handshake(length) : .alert(length)
      }
    // RFC 5246 E.2: a length of 15 bits, CLIENT-HELLO, a version.
    case (0x80..., _) where bytes[2] == 1 && (bytes[3] == 3 && bytes[4] <= 4 || bytes[3] == 0 && bytes[4] == 2):
      self = .oldHello(length)
    default: self = .other
    }
  }
}
