import MOSCore

/// What an inspector of HTTP keeps of a flow at most, and which buffers it makes.
struct HTTPLimits: Sendable {
  /// Bytes of a message's head, or of its trailer, from the first line to the empty one. What is beyond is not looked at,
  /// nor is anything behind it in that direction.
  var headBytes = 65_536
  /// Fields of a head that become buffers; the raw header has all.
  var fields = 1024
  /// Bytes of a request's body that are handed out, Suricata's `request-body-limit`.
  var requestBodyBytes = 102_400
  /// Bytes of a response's body that are handed out, as decoded, Suricata's `response-body-limit`.
  var responseBodyBytes = 102_400
  /// Requests of a flow that wait for their responses, Suricata's `max-tx`.
  var transactions = 512
  /// Encodings on top of each other that are taken off a body.
  var encodings = 2
  /// Bytes that one encoding of a body yields at most.
  var decodedBytes = 1 << 20
  /// How many times as many bytes as it has an encoding may yield, beyond `undoubtedBytes`.
  var decodedRatio = 500
  /// Bytes that an encoding may yield in any case.
  var undoubtedBytes = 65_536
  /// Flows at a time; those beyond are not inspected.
  var flows = 65_536
  /// Bodies are also handed out while they grow, for who must know before the last byte.
  var growingBodies = false
  /// Nobody wants more than to know whether flows are HTTP.
  var onlyRecognizes = false
  /// The buffers that somebody wants, a bit each.
  var buffers = UInt64.max

  /// Bytes of a body that are handed out of what a side sends: none where nobody wants it.
  func bodyBytes(from sender: Side) -> Int {
    switch sender {
    case .client: wants(.httpRequestBody) ? requestBodyBytes : 0
    case .server: wants(.httpResponseBody) || wants(.fileData) ? responseBodyBytes : 0
    }
  }

  /// Whether somebody wants a buffer.
  func wants(_ buffer: InspectionBuffer) -> Bool { buffers >> UInt64(buffer.rawValue) & 1 != 0 }
}
