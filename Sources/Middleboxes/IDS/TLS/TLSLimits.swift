/// What an inspector of TLS keeps at most, and which buffers it makes.
struct TLSLimits: Sendable {
  /// Bytes of a hello, with its header; a longer one is not looked at.
  var messageBytes = 65_536
  /// Bytes of hellos that came in part, of all flows; a flow beyond is not looked at.
  var partialBytes = 64 << 20
  /// Records that may come before a hello: alerts, as of a server that does not know the name.
  var recordsBefore = 16
  /// The buffers that somebody wants, a bit each.
  var buffers = UInt64.max

  /// Whether somebody wants a buffer.
  func wants(_ buffer: InspectionBuffer) -> Bool { buffers >> UInt64(buffer.rawValue) & 1 != 0 }
}
