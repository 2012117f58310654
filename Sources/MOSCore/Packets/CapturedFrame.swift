/// One frame as a capture has it: a view of borrowed memory.
@frozen
public struct CapturedFrame: BitwiseCopyable {
  /// The frame's first byte; valid as long as the reader that gave it says.
  public var bytes: UnsafeRawPointer
  /// Bytes that are there.
  public var capturedLength: UInt32
  /// Bytes that the frame had on the wire; never less than `capturedLength`.
  public var wireLength: UInt32
  /// When it was captured. A pcapng simple packet block has no time of its own: it takes that of the packet before.
  public var timestamp: Timestamp
  /// How the frame begins.
  public var linkType: LinkType
  /// Who received it has found its checksums right: those of the outermost IPv4 header, and of the TCP or UDP in it.
  public var hasRightChecksums = false
  /// Who made it has left the checksum of TCP or UDP to a port that fills it in (`PacketPort.fillsInChecksums`): the field has the
  /// sum of the pseudo-header.
  public var leavesChecksum = false

  /// A frame from its parts.
  @inlinable public init(
    bytes: UnsafeRawPointer, capturedLength: UInt32, wireLength: UInt32, timestamp: Timestamp, linkType: LinkType
  ) {
    self.bytes = bytes
    self.capturedLength = capturedLength
    self.wireLength = wireLength
    self.timestamp = timestamp
    self.linkType = linkType
  }
}
