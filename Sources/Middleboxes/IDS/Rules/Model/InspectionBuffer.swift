/// Where a rule looks for bytes: the payload, or a part of an application protocol's message.
enum InspectionBuffer: UInt8, Sendable, CaseIterable {
  /// The packet's payload, or the stream's bytes.
  case payload
  case httpURI, httpRawURI, httpMethod, httpHeader, httpRawHeader, httpCookie, httpUserAgent, httpHost, httpRawHost
  case httpRequestBody, httpResponseBody, httpStatusCode, httpStatusMessage, httpRequestLine, httpResponseLine
  case httpProtocol, httpContentType, httpContentLength, httpReferer, httpAccept, httpAcceptEncoding
  case httpAcceptLanguage, httpConnection, httpServer, httpLocation, httpHeaderNames, httpStart
  case fileData
  case dnsQuery
  case tlsServerName
  /// JA3 of the client's hello, JA3S of the server's: the text and its MD5; JA4 of the client's.
  case ja3Hash, ja3String, ja3ServerHash, ja3ServerString, ja4Hash

  /// The keyword behind which contents are looked for here (a sticky buffer).
  var keyword: String { Self.names[Int(rawValue)].keyword }

  /// The keyword that says the same of the content before it; nil where there is none.
  var modifier: String? { Self.names[Int(rawValue)].modifier }

  /// Other names of `keyword`.
  var otherKeywords: [String] { Self.names[Int(rawValue)].others }

  var isHTTP: Bool { (Self.httpURI.rawValue...Self.httpStart.rawValue).contains(rawValue) }

  /// Whether there are only digits and small letters in it.
  var isDigest: Bool { self == .ja3Hash || self == .ja3ServerHash }

  /// Whether a message can have several of them: naming the buffer again means another one.
  var isMultiple: Bool { self == .dnsQuery }

  /// Whether such a buffer can come about in what a rule's header names.
  func isPossible(in name: RuleProtocol) -> Bool {
    switch self {
    case .payload: return true
    case .dnsQuery: return name == .dns || !name.isApplication && (name.allows(.udp) || name.allows(.tcp))
    case .tlsServerName, .ja3Hash, .ja3String, .ja3ServerHash, .ja3ServerString, .ja4Hash:
      return name == .tls || name == .quic || !name.isApplication && name.allows(.tcp)
    case .fileData:
      return [.http, .http1, .http2, .smtp, .smb, .ftpData, .nfs].contains(name)
        || !name.isApplication && name.allows(.tcp)
    default: return [.http, .http1, .http2].contains(name) || !name.isApplication && name.allows(.tcp)
    }
  }

  /// The only direction in which messages have it; nil where both have.
  var direction: FlowCondition.Direction? {
    switch self {
    case .httpURI, .httpRawURI, .httpMethod, .httpUserAgent, .httpHost, .httpRawHost, .httpRequestBody,
      .httpRequestLine, .httpReferer, .httpAccept, .httpAcceptEncoding, .httpAcceptLanguage, .dnsQuery, .tlsServerName,
      .ja3Hash, .ja3String, .ja4Hash:
      .toServer
    case .httpResponseBody, .httpStatusCode, .httpStatusMessage, .httpResponseLine, .httpServer, .httpLocation,
      .ja3ServerHash, .ja3ServerString:
      .toClient
    default: nil
    }
  }

  /// Lower is better: how much less than others a content here is found in traffic that the rule does not mean. What is
  /// the same in most messages is worse than the payload.
  var fastPatternRank: Int {
    switch self {
    case .payload: 1
    case .httpMethod, .httpStatusCode, .httpStatusMessage, .httpProtocol: 2
    default: 0
    }
  }

  private static let names: [(keyword: String, modifier: String?, others: [String])] = [
    ("pkt_data", nil, []),
    ("http.uri", "http_uri", ["http.uri.normalized"]),
    ("http.uri.raw", "http_raw_uri", []),
    ("http.method", "http_method", []),
    ("http.header", "http_header", []),
    ("http.header.raw", "http_raw_header", []),
    ("http.cookie", "http_cookie", []),
    ("http.user_agent", "http_user_agent", []),
    ("http.host", "http_host", []),
    ("http.host.raw", "http_raw_host", []),
    ("http.request_body", "http_client_body", []),
    ("http.response_body", "http_server_body", []),
    ("http.stat_code", "http_stat_code", []),
    ("http.stat_msg", "http_stat_msg", []),
    ("http.request_line", nil, ["http_request_line"]),
    ("http.response_line", nil, ["http_response_line"]),
    ("http.protocol", nil, ["http_protocol"]),
    ("http.content_type", nil, ["http_content_type"]),
    ("http.content_len", nil, ["http_content_len"]),
    ("http.referer", nil, ["http_referer"]),
    ("http.accept", nil, ["http_accept"]),
    ("http.accept_enc", nil, ["http_accept_enc"]),
    ("http.accept_lang", nil, ["http_accept_lang"]),
    ("http.connection", nil, ["http_connection"]),
    ("http.server", nil, []),
    ("http.location", nil, []),
    ("http.header_names", nil, ["http_header_names"]),
    ("http.start", nil, ["http_start"]),
    ("file.data", nil, ["file_data"]),
    ("dns.query", nil, ["dns_query"]),
    ("tls.sni", nil, ["tls_sni"]),
    ("ja3.hash", nil, ["ja3_hash"]),
    ("ja3.string", nil, ["ja3_string"]),
    ("ja3s.hash", nil, ["ja3s_hash"]),
    ("ja3s.string", nil, ["ja3s_string"]),
    ("ja4.hash", nil, ["ja4_hash"]),
  ]
}
