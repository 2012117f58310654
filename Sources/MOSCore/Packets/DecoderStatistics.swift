/// What a decoder counted. Every packet is one of the kinds.
public struct DecoderStatistics: BitwiseCopyable, Sendable {
  /// Packets decoded.
  public internal(set) var packets: UInt64 = 0
  /// Bytes of their frames, as captured.
  public internal(set) var bytes: UInt64 = 0
  var kinds: InlineArray<16, UInt64> = .init(repeating: 0)

  /// Nothing counted.
  public init() {}

  /// Packets of one kind.
  public internal(set) subscript(kind: PacketKind) -> UInt64 {
    get { kinds[Int(kind.rawValue)] }
    set { kinds[Int(kind.rawValue)] = newValue }
  }
}
