/// An IPv4 header (RFC 791 3.1), 20 to 60 bytes.
@frozen
public struct IPv4Header: BitwiseCopyable {
  /// Bytes of a header without options.
  @inlinable public static var minimumLength: UInt32 { 20 }
  /// The header's first byte.
  public let pointer: UnsafeRawPointer
  /// Bytes that are there from `pointer` on.
  public let available: UInt32

  /// A view of the header at `pointer`; `nil` when `length` is below 20. Version and header length are not checked.
  @inlinable public init?(_ pointer: UnsafeRawPointer, length: UInt32) {
    guard length >= Self.minimumLength else { return nil }
    self.pointer = pointer
    available = length
  }

  /// Version, 4 in a valid header.
  @inlinable public var version: UInt8 { pointer.load8(at: 0) >> 4 }
  /// Header length in bytes as the header says, 0 to 60; below 20 it is invalid.
  @inlinable public var headerLength: UInt32 { UInt32(pointer.load8(at: 0) & 0xf) << 2 }
  /// Differentiated services and ECN.
  @inlinable public var trafficClass: UInt8 { pointer.load8(at: 1) }
  /// Datagram length in bytes, header included, as the header says.
  @inlinable public var totalLength: UInt32 { UInt32(pointer.loadBE16(at: 2)) }
  /// Identification.
  @inlinable public var identification: UInt16 { pointer.loadBE16(at: 4) }
  /// Flags and fragment offset as one word.
  @inlinable public var fragmentWord: UInt16 { pointer.loadBE16(at: 6) }
  /// Whether it must not be fragmented.
  @inlinable public var dontFragment: Bool { fragmentWord & 0x4000 != 0 }
  /// Whether more fragments follow.
  @inlinable public var moreFragments: Bool { fragmentWord & 0x2000 != 0 }
  /// Where this fragment starts in its datagram's payload, in bytes.
  @inlinable public var fragmentOffset: UInt32 { UInt32(fragmentWord & 0x1fff) << 3 }
  /// Whether this is a part of a larger datagram.
  @inlinable public var isFragment: Bool { fragmentWord & 0x3fff != 0 }
  /// Time to live.
  @inlinable public var timeToLive: UInt8 { pointer.load8(at: 8) }
  /// Protocol of the payload.
  @inlinable public var protocolNumber: UInt8 { pointer.load8(at: 9) }
  /// Header checksum.
  @inlinable public var checksum: UInt16 { pointer.loadBE16(at: 10) }
  /// Source address.
  @inlinable public var source: IPAddress { IPAddress(v4: pointer.loadBE32(at: 12)) }
  /// Destination address.
  @inlinable public var destination: IPAddress { IPAddress(v4: pointer.loadBE32(at: 16)) }
  /// The options that are there; empty when the header length is invalid.
  @inlinable public var options: UnsafeRawBufferPointer {
    let end = min(headerLength, available)
    return UnsafeRawBufferPointer(start: pointer + 20, count: end > 20 ? Int(end &- 20) : 0)
  }

  /// Whether every option's length is sane (RFC 791 3.1): hosts discard a datagram where one is not.
  @inlinable public var optionsAreValid: Bool {
    let count = options.count
    var offset = 20
    let end = 20 &+ count
    while offset < end {
      let kind = pointer.load8(at: offset)
      if kind == 0 { return true }
      if kind == 1 {
        offset &+= 1
        continue
      }
      guard offset &+ 1 < end else { return false }
      let length = Int(pointer.load8(at: offset &+ 1))
      guard length >= 2, offset &+ length <= end else { return false }
      offset &+= length
    }
    return true
  }
}
