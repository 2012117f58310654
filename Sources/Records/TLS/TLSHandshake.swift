/// What the hellos of a TLS connection told, for its records.
public struct TLSHandshake: Hashable, Sendable {
  /// Bytes of a server's name that are kept: no host name has more (RFC 1035 2.3.4).
  public static let maximumServerName = 255

  /// The name of the server that the client asked for, as it sent it (SNI); empty without one.
  public private(set) var serverName: [UInt8] = []
  /// The version that the server chose, as on the wire: 0x0303 is TLS 1.2. 0 where no ServerHello was seen.
  public var version: UInt16 = 0
  /// Fingerprints of the client, 32 characters, and of the server; empty where that hello was not seen.
  public var ja3: [UInt8] = []
  /// See `ja3`.
  public var ja3s: [UInt8] = []
  /// The client's JA4, 36 characters; empty where its hello was not seen.
  public var ja4: [UInt8] = []

  /// A handshake of which nothing was seen.
  public init() {}

  /// Sets the server's name, cut to `maximumServerName`.
  public mutating func setServerName(_ name: some Collection<UInt8>) {
    serverName = Array(name.prefix(TLSHandshake.maximumServerName))
  }

  /// The version as Zeek writes it: `TLSv13`.
  var zeekVersion: StaticString? {
    switch version {
    case 0: nil
    case 0x0002: "SSLv2"
    case 0x0300: "SSLv3"
    case 0x0301: "TLSv10"
    case 0x0302: "TLSv11"
    case 0x0303: "TLSv12"
    case 0x0304: "TLSv13"
    default: "unknown"
    }
  }

  /// The version as Suricata writes it: `TLS 1.3`, but `TLSv1`.
  var suricataVersion: StaticString {
    switch version {
    case 0x0002: "SSLv2"
    case 0x0300: "SSLv3"
    case 0x0301: "TLSv1"
    case 0x0302: "TLS 1.1"
    case 0x0303: "TLS 1.2"
    case 0x0304: "TLS 1.3"
    default: "UNDETERMINED"
    }
  }
}

extension EVE {
  /// Appends the `tls` object, with the members that Suricata's `tls` records have of what is known.
  static func append(_ handshake: TLSHandshake, to text: inout RecordText) {
    func append(_ name: StaticString, _ value: [UInt8], _ text: inout RecordText) {
      if value.isEmpty { return }
      text.key(name)
      value.withUnsafeBytes { text.appendQuoted(bytes: $0) }
    }
    func appendHash(_ name: StaticString, _ value: [UInt8], _ text: inout RecordText) {
      if value.isEmpty { return }
      text.key(name)
      text.beginObject()
      append("hash", value, &text)
      text.endObject()
    }
    text.key("tls")
    text.beginObject()
    append("sni", handshake.serverName, &text)
    text.member("version", handshake.suricataVersion)
    appendHash("ja3", handshake.ja3, &text)
    appendHash("ja3s", handshake.ja3s, &text)
    append("ja4", handshake.ja4, &text)
    text.endObject()
  }
}
