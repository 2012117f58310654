import MOSCore

/// An IPv4 address and a port, or the identifier of an ICMP query, as one number.
struct NATEnd: BitwiseCopyable, Hashable {
  /// The address in bits 16 to 47, the port in bits 0 to 15.
  private(set) var bits: UInt64

  @inline(__always) init(_ address: UInt32, _ port: UInt16) { bits = UInt64(address) << 16 | UInt64(port) }

  /// Who sends packets with `key`, which is of IPv4.
  @inline(__always) init(sourceOf key: FlowKey) {
    bits = (key.source.low & 0xffff_ffff) << 16 | key.rest >> 48
  }

  /// Whom packets with `key` are sent to.
  @inline(__always) init(destinationOf key: FlowKey) {
    bits = (key.destination.low & 0xffff_ffff) << 16 | key.rest >> 32 & 0xffff
  }

  @inline(__always) var address: UInt32 { UInt32(truncatingIfNeeded: bits >> 16) }
  @inline(__always) var port: UInt16 { UInt16(truncatingIfNeeded: bits) }
  @inline(__always) var ipAddress: IPAddress { IPAddress(v4: address) }

  /// Who sends packets with these ends.
  @inline(__always) init(sourceOf ends: IPv4Ends) { self.init(ends.source, ends.sourcePort) }

  /// Whom they are sent to.
  @inline(__always) init(destinationOf ends: IPv4Ends) { self.init(ends.destination, ends.destinationPort) }

  /// The ends of packets from here to `destination`.
  func ends(to destination: NATEnd) -> IPv4Ends {
    IPv4Ends(source: address, sourcePort: port, destination: destination.address, destinationPort: destination.port)
  }

  /// The same port at another address.
  @inline(__always) func at(_ address: UInt32) -> NATEnd { NATEnd(address, port) }

  /// The key of packets from here to `destination`; all else as in `key`.
  func key(to destination: NATEnd, like key: FlowKey) -> FlowKey {
    var result = key
    result.source = ipAddress
    result.destination = destination.ipAddress
    result.rest = UInt64(port) << 48 | UInt64(destination.port) << 32 | key.rest & 0xffff_ffff
    return result
  }
}

extension NATEnd: CustomStringConvertible {
  /// `10.0.0.1:80`
  var description: String { "\(ipAddress):\(port)" }
}
