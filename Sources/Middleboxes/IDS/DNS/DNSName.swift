/// Reads a name, which may go on elsewhere in its message (RFC 1035 4.1.4).
struct DNSName {
  enum Fault {
    /// It ends beyond the message, or has a label of another kind.
    case malformed
    case tooManyLabels
  }

  /// The labels with dots between them, as they are on the wire, in either case.
  private(set) var text: [UInt8] = []
  /// Whether there is more than the limit.
  private(set) var isCut = false
  private(set) var fault: Fault?
  /// Where in the message something follows it; nil where that cannot be told.
  private(set) var end: Int?

  /// Reads the name at a place of a message, into the memory of the one before.
  mutating func read(_ message: UnsafeRawBufferPointer, at start: Int, _ limits: DNSLimits) {
    text.removeAll(keepingCapacity: true)
    (isCut, fault, end) = (false, nil, nil)
    var position = start
    // Each step takes a label or follows a pointer, so pointers that go round end.
    for _ in 0...limits.labels {
      guard position < message.count else { return fail(.malformed) }
      let length = Int(message[position])
      position += 1
      switch length {
      case 0:
        if end == nil { end = position }
        return
      case 1...63:
        guard message.count - position >= length else { return fail(.malformed) }
        append(UnsafeRawBufferPointer(rebasing: message[position..<position + length]), limits)
        position += length
      case 0xc0...:
        guard position < message.count else { return fail(.malformed) }
        let target = (length & 0x3f) << 8 | Int(message[position])
        if end == nil { end = position + 1 }
        position = target
      default: return fail(.malformed)
      }
    }
    fail(.tooManyLabels)
  }

  private mutating func fail(_ fault: Fault) { self.fault = fault }

  private mutating func append(_ label: UnsafeRawBufferPointer, _ limits: DNSLimits) {
    if isCut { return }
    if !text.isEmpty { text.append(UInt8(ascii: ".")) }
    text.append(contentsOf: label)
    if text.count > limits.nameBytes {
      text.removeLast(text.count - limits.nameBytes)
      isCut = true
    }
  }
}
