/// An Ethernet address (IEEE 802 EUI-48).
@frozen
public struct MACAddress: BitwiseCopyable, Hashable, Sendable, CustomStringConvertible {
  /// The address in the low 48 bits, its first byte uppermost.
  public let rawValue: UInt64

  /// An address from its number, of which the low 48 bits count.
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue & 0xffff_ffff_ffff }

  /// Whether it names a group of hosts; all of them for the broadcast address.
  @inlinable public var isGroup: Bool { rawValue & 0x0100_0000_0000 != 0 }

  /// Six bytes in lower-case hexadecimal with colons, as in `02:00:00:00:00:0a`.
  public var description: String {
    (0..<6).map { index in
      let byte = UInt8(truncatingIfNeeded: rawValue >> UInt64(40 - 8 * index))
      return (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined(separator: ":")
  }
}
