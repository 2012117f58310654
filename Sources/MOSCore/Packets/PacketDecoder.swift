/// Finds what a frame carries: link layer, encapsulations, IP (fragments put together), and the transport header.
public struct PacketDecoder: ~Copyable {
  let configuration: DecoderConfiguration

  /// A decoder that takes memory only when it first meets a fragment.
  public init(configuration: DecoderConfiguration) {
    self.configuration = configuration
  }

  /// Begins a burst: datagrams that were put together in the one before are no longer valid.
  public mutating func beginBurst() {}

  /// Decodes one frame; always fills `packet` (kind, lengths, anomalies).
  public mutating func decode(
    frame: UnsafeRawPointer, capturedLength: UInt32, wireLength: UInt32, linkType: LinkType, timestamp: Timestamp,
    number: UInt64, into packet: inout DecodedPacket
  ) {
    packet = DecodedPacket(frame: frame)
    packet.number = number
    packet.timestamp = timestamp
    packet.capturedLength = capturedLength
    packet.wireLength = wireLength
  }
}
