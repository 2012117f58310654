/// How a walk over extension headers ended.
@frozen
public enum ExtensionWalkEnd: UInt8, BitwiseCopyable, Sendable {
  /// At a header that is no extension header: the payload's.
  case payload
  /// At a fragment header.
  case fragment
  /// A header runs beyond the bytes that are there.
  case truncated
  /// Too many headers, or a hop-by-hop header that does not come first.
  case invalid
}

/// A walk over the IPv6 extension headers between the fixed header and the payload (RFC 8200 4): hop-by-hop options,
/// routing, destination options, authentication. It stops at a fragment header.
@frozen
public struct IPv6ExtensionHeaders: BitwiseCopyable {
  /// The most headers that are followed; more are an attempt to be expensive.
  @inlinable public static var maximumCount: Int { 10 }
  /// Protocol of the header at `length`.
  public var nextHeader: UInt8
  /// Bytes of the extension headers that were passed.
  public var length: UInt32 = 0
  /// Offset, from the first extension header, of the last byte that names a next header; -1 while it is the fixed
  /// header's.
  public var nextHeaderField: Int32 = -1
  /// Why the walk ended.
  public var end: ExtensionWalkEnd = .payload
  /// The final destination in a routing header with segments left, which checksums are calculated with (RFC 8200 8.1).
  public var finalDestination: UnsafeRawPointer?
  /// The home address of a destination option (RFC 6275 6.3), which checksums are calculated with.
  public var homeAddress: UnsafeRawPointer?

  /// Walks over the headers at `pointer`, of which `length` bytes are there; the first has the protocol `first`.
  ///
  /// With `isIPv6` false only authentication headers are passed, as IPv4 has no others.
  @inlinable public init(
    _ pointer: UnsafeRawPointer, length available: UInt32, first: UInt8, isIPv6: Bool = true
  ) {
    nextHeader = first
    var count = 0
    while true {
      let kind = nextHeader
      if kind == IPProtocol.authentication {
        guard step(pointer, available, size: available &- length >= 2 ? size(of: pointer, unit: 4) : 0) else { return }
      } else if !isIPv6 {
        return
      } else if kind == IPProtocol.hopByHop || kind == IPProtocol.destinationOptions || kind == IPProtocol.routing {
        if kind == IPProtocol.hopByHop, length != 0 {
          end = .invalid
          return
        }
        let start = length
        guard step(pointer, available, size: available &- length >= 2 ? size(of: pointer, unit: 8) : 0) else { return }
        if kind == IPProtocol.routing {
          readRouting(pointer + Int(start), size: length &- start)
        } else if kind == IPProtocol.destinationOptions {
          readDestinationOptions(pointer + Int(start), size: length &- start)
        }
      } else if kind == IPProtocol.fragment {
        end = .fragment
        return
      } else {
        return
      }
      count &+= 1
      if count > Self.maximumCount {
        end = .invalid
        return
      }
    }
  }

  /// Bytes of the header at `length`, of which two are there. AH counts 4-byte words less 2, the others 8-byte words
  /// less 1.
  @inlinable func size(of pointer: UnsafeRawPointer, unit: UInt32) -> UInt32 {
    let field = UInt32(pointer.load8(at: Int(length) &+ 1))
    return unit == 4 ? (field &+ 2) &* 4 : (field &+ 1) &* 8
  }

  /// Passes one header; false, with `end` set, when it is not all there.
  @inlinable mutating func step(_ pointer: UnsafeRawPointer, _ available: UInt32, size: UInt32) -> Bool {
    guard size != 0, available &- length >= size else {
      end = .truncated
      return false
    }
    nextHeader = pointer.load8(at: Int(length))
    nextHeaderField = Int32(bitPattern: length)
    length &+= size
    return true
  }

  @inlinable mutating func readRouting(_ header: UnsafeRawPointer, size: UInt32) {
    let segmentsLeft = header.load8(at: 3)
    guard segmentsLeft != 0, size >= 24 else { return }
    switch header.load8(at: 2) {
    case 0, 2: finalDestination = header + Int(8 &+ (size &- 8) / 16 &* 16 &- 16)
    case 4: finalDestination = header + 8  // The segment list is in reverse order (RFC 8754 2).
    default: break
    }
  }

  @inlinable mutating func readDestinationOptions(_ header: UnsafeRawPointer, size: UInt32) {
    var offset: UInt32 = 2
    while offset &+ 1 < size {
      if header.load8(at: Int(offset)) == 0 {
        offset &+= 1
        continue
      }
      let end = offset &+ 2 &+ UInt32(header.load8(at: Int(offset) &+ 1))
      guard end <= size else { return }
      if header.load8(at: Int(offset)) == 201, end &- offset == 18 { homeAddress = header + Int(offset &+ 2) }
      offset = end
    }
  }
}
