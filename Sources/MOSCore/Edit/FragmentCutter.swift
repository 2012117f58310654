/// Cuts an IP datagram in a frame into fragments (RFC 791 3.2, RFC 8200 4.5), each a frame of its own with the link header of
/// the whole.
///
/// Of an IPv6 datagram all that follows the fixed header is cut, so it may have no extension headers. Nothing is copied before
/// `write`; the frame is borrowed.
///
/// Invariant: `networkOffset` and the lengths of header and contents lie inside of the frame; `init` checks it.
@frozen
public struct FragmentCutter: BitwiseCopyable {
  private let frame: UnsafeRawPointer
  private let networkOffset: Int
  private let isV4: Bool
  /// Bytes of each fragment's IP header, with IPv6 the fragment header among them.
  private let fragmentHeader: Int
  private let header: Int
  private let contents: Int
  /// Bytes of contents in each fragment but the last.
  private let step: Int
  /// IPv6's; IPv4 has its own in the header.
  private let identification: UInt32
  /// How many fragments there are; 1 where the datagram is not longer than it may be.
  public let count: Int

  /// Fragments of at most `longest` bytes of IP. `identification` is what IPv6 fragments are given. `nil` for a datagram that is
  /// not all there, or cannot be cut: one with IPv6 extension headers, or where `longest` leaves no room.
  public init?(
    _ frame: UnsafeRawPointer, length: Int, networkOffset: Int, longest: Int, identification: UInt32 = 0
  ) {
    guard networkOffset >= 0, length - networkOffset >= Int(IPv4Header.minimumLength) else { return nil }
    let network = frame + networkOffset
    isV4 = network.load8(at: 0) >> 4 == 4
    let total: Int
    if isV4 {
      header = Int(network.load8(at: 0) & 0xf) * 4
      total = Int(network.loadBE16(at: 2))
      fragmentHeader = header
    } else {
      header = Int(IPv6Header.length)
      guard length - networkOffset >= header else { return nil }
      total = header + Int(network.loadBE16(at: 4))
      fragmentHeader = header + Int(IPv6FragmentHeader.length)
    }
    guard header >= 20, header <= total, total <= length - networkOffset else { return nil }
    contents = total - header
    self.frame = frame
    self.networkOffset = networkOffset
    self.identification = identification
    if total <= longest {
      step = max(contents, 1)
      count = 1
      return
    }
    step = (longest - fragmentHeader) & ~7
    guard step > 0 else { return nil }
    if !isV4 {
      let walk = IPv6ExtensionHeaders(network + header, length: UInt32(contents), first: network.load8(at: 6))
      guard walk.end == .payload, walk.length == 0 else { return nil }
    }
    count = (contents + step - 1) / step
  }

  /// Bytes of the frame with fragment `index`.
  public func length(of index: Int) -> Int {
    let own = min(step, contents - index * step)
    return networkOffset + (count == 1 ? header : fragmentHeader) + own
  }

  /// Writes the frame with fragment `index` to `target`, which has room for its length.
  public func write(_ index: Int, to target: UnsafeMutableRawPointer) {
    target.copyMemory(from: frame, byteCount: networkOffset + header)
    let own = min(step, contents - index * step)
    let from = frame + networkOffset + header + index * step
    let network = target + networkOffset
    if count == 1 { return (network + header).copyMemory(from: from, byteCount: own) }
    (network + fragmentHeader).copyMemory(from: from, byteCount: own)
    // Multiples of eight, in units of eight.
    let offset = UInt16(index * step / 8)
    let isLast = index == count - 1
    if isV4 {
      if index > 0 { Self.removeOptionsOfFirst(network, header) }
      network.storeBE16(UInt16(header + own), at: 2)
      network.storeBE16(offset | (isLast ? 0 : 0x2000), at: 6)
      network.storeBE16(0, at: 10)
      network.storeBE16(Checksum.of(network, count: header), at: 10)
    } else {
      network.storeBE16(UInt16(fragmentHeader - header + own), at: 4)
      network.store8(IPProtocol.fragment, at: 6)
      network.store8((frame + networkOffset).load8(at: 6), at: header)
      network.store8(0, at: header + 1)
      network.storeBE16(offset << 3 | (isLast ? 0 : 1), at: header + 2)
      network.storeBE32(identification, at: header + 4)
    }
  }

  /// Options without the copied flag stand in the first fragment only (RFC 791 3.1); the others have no operation there.
  private static func removeOptionsOfFirst(_ network: UnsafeMutableRawPointer, _ header: Int) {
    var at = 20
    while at < header {
      let kind = UnsafeRawPointer(network).load8(at: at)
      if kind == 0 { return }
      if kind == 1 {
        at += 1
        continue
      }
      guard at + 1 < header else { return }
      let size = Int(UnsafeRawPointer(network).load8(at: at + 1))
      guard size >= 2, at + size <= header else { return }
      if kind & 0x80 == 0 { for byte in at..<at + size { network.store8(1, at: byte) } }
      at += size
    }
  }
}
