/// What a keyword of a rule's options is read as.
enum Keyword {
  case message, sid, gid, revision, classType, priority, reference, metadata, target, noAlert
  case content, uriContent, pcre, byteTest, byteJump, byteExtract, byteMath, isDataAt, bufferSize
  case caseInsensitive, raw, startsWith, endsWith, fastPattern, offset, depth, distance, within
  /// Says of the content before it where it is looked for.
  case bufferModifier(InspectionBuffer)
  /// Says of what comes behind it where it is looked for.
  case stickyBuffer(InspectionBuffer)
  case field(PacketField)
  case tcpFlags, fragmentBits, ipOption, sameAddress, uriLength, streamSize
  case flow, flowBits, flowInteger, crossBits
  case threshold, detectionFilter, tag
  /// One of Suricata's or Snort's that is not read here.
  case unsupported

  /// Keywords by their names.
  static let named: [String: Keyword] = {
    var table: [String: Keyword] = [
      "msg": .message, "sid": .sid, "gid": .gid, "rev": .revision, "classtype": .classType, "priority": .priority,
      "reference": .reference, "metadata": .metadata, "target": .target, "noalert": .noAlert,
      "content": .content, "uricontent": .uriContent, "pcre": .pcre, "byte_test": .byteTest, "byte_jump": .byteJump,
      "byte_extract": .byteExtract, "byte_math": .byteMath, "isdataat": .isDataAt, "bsize": .bufferSize,
      "nocase": .caseInsensitive, "rawbytes": .raw, "startswith": .startsWith, "endswith": .endsWith,
      "fast_pattern": .fastPattern, "offset": .offset, "depth": .depth, "distance": .distance, "within": .within,
      "flags": .tcpFlags, "tcp.flags": .tcpFlags, "fragbits": .fragmentBits, "ipopts": .ipOption,
      "sameip": .sameAddress,
      "urilen": .uriLength, "stream_size": .streamSize, "flow": .flow, "flowbits": .flowBits, "flowint": .flowInteger,
      "xbits": .crossBits, "threshold": .threshold, "detection_filter": .detectionFilter, "tag": .tag,
      "tcp.seq": .field(.sequenceNumber), "tcp.ack": .field(.acknowledgment), "tcp.window": .field(.window),
    ]
    for field in PacketField.allCases { table[field.rawValue] = .field(field) }
    for buffer in InspectionBuffer.allCases {
      for name in [buffer.keyword] + buffer.otherKeywords { table[name] = .stickyBuffer(buffer) }
      if let modifier = buffer.modifier { table[modifier] = .bufferModifier(buffer) }
    }
    for name in UnsupportedKeywords.names { table[name] = .unsupported }
    return table
  }()

  /// Whether something has to stand behind the keyword's colon; nil where it may.
  var needsValue: Bool? {
    switch self {
    case .noAlert, .caseInsensitive, .raw, .startsWith, .endsWith, .bufferModifier, .stickyBuffer, .sameAddress: false
    case .fastPattern, .unsupported: nil
    default: true
    }
  }
}
