/// An IEEE 802.2 LLC header with SNAP extension (RFC 1042), 8 bytes.
@frozen
public struct LLCHeader: BitwiseCopyable {
  /// Bytes of the LLC and SNAP headers.
  @inlinable public static var length: UInt32 { 8 }
  /// The header's first byte.
  public let pointer: UnsafeRawPointer

  /// A view of the header at `pointer`; `nil` when `length` is below 8.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= Self.length else { return nil }
    self.pointer = pointer
  }

  /// Whether the header is SNAP's: both service access points 0xaa, unnumbered information.
  @inlinable public var isSNAP: Bool { pointer.loadBE24(at: 0) == 0xaaaa03 }
  /// The SNAP organization code, 24 bits; 0 (or 0x0000f8, bridged) when an EtherType follows.
  @inlinable public var organization: UInt32 { pointer.loadBE24(at: 3) }
  /// The EtherType, where `organization` says that it is one.
  @inlinable public var etherType: UInt16 { pointer.loadBE16(at: 6) }
  /// Whether `etherType` has a meaning.
  @inlinable public var hasEtherType: Bool { isSNAP && (organization == 0 || organization == 0x0000f8) }
}
