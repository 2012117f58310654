import MOSCore
import PacketIO
import Records

/// Turns frames into decoded packets: numbers them, keeps packet time, and applies the filter.
struct PacketIntake: ~Copyable {
  private var decoder: PacketDecoder
  private let expression: String?
  private var filters: [LinkFilter] = []
  private let verifiesChecksums: Bool
  private var checksums = SenderChecksums()
  /// The number of the last packet.
  private(set) var number: UInt64 = 0
  /// The first packet's time stamp.
  private(set) var first = Timestamp(nanoseconds: 0)
  /// Packet time: the latest time stamp so far.
  private(set) var clock = Timestamp(nanoseconds: .min)

  /// A compiled filter for frames of one link type; nil where the expression makes no sense for it.
  private final class LinkFilter {
    let linkType: LinkType
    let filter: PacketFilter

    init(linkType: LinkType, expression: String) throws(FilterError) {
      self.linkType = linkType
      filter = try PacketFilter(expression: expression, linkType: UInt16(truncatingIfNeeded: linkType.rawValue))
    }
  }

  /// An intake that decodes as `configuration` says and selects with `filter`, a pcap-filter expression. Throws when the
  /// expression does not compile for Ethernet; other link types are compiled for when they come.
  init(configuration: DecoderConfiguration, filter: String?) throws(FilterError) {
    decoder = PacketDecoder(configuration: configuration)
    verifiesChecksums = configuration.verifyChecksums
    expression = filter
    if let filter { filters.append(try LinkFilter(linkType: .ethernet, expression: filter)) }
  }

  /// Moves packet time on without a packet.
  mutating func advance(to time: Timestamp) { clock = max(clock, time) }

  /// Decodes `count` frames; the packets are valid until the next call.
  @inline(__always)
  mutating func decode(
    _ frames: UnsafePointer<CapturedFrame>, count: Int, into packets: UnsafeMutablePointer<DecodedPacket>
  ) throws(FilterError) {
    decoder.beginBurst()
    decoder.decode(frames, count: count, number: number &+ 1, clock: &clock, into: packets)
    number &+= UInt64(count)
    if number == UInt64(count) { first = frames[0].timestamp }
    if verifiesChecksums { countChecksums(packets, count: count) }
    if expression != nil { try select(frames, count: count, packets) }
  }

  private mutating func countChecksums(_ packets: UnsafePointer<DecodedPacket>, count: Int) {
    for index in 0..<count where packets[index].kind == .tcp {
      checksums.count(
        source: packets[index].key.source, isWrong: packets[index].anomalies.contains(.tcpChecksumInvalid))
    }
  }

  /// Puts what was counted on the way in into `statistics`.
  func collect(into statistics: inout ReplayStatistics) {
    statistics.packets = decoder.statistics.packets
    statistics.bytes = decoder.statistics.bytes
    for kind in PacketKind.allCases { statistics.packetKinds[Int(kind.rawValue)] = decoder.statistics[kind] }
    statistics.checksums = checksums
  }

  private mutating func select(
    _ frames: UnsafePointer<CapturedFrame>, count: Int, _ packets: UnsafeMutablePointer<DecodedPacket>
  ) throws(FilterError) {
    for index in 0..<count {
      let frame = frames[index]
      packets[index].isSelected = try filter(for: frame.linkType)
        .filter.matches(frame.bytes, capturedLength: frame.capturedLength, wireLength: frame.wireLength)
    }
  }

  private mutating func filter(for linkType: LinkType) throws(FilterError) -> LinkFilter {
    if let known = filters.first(where: { $0.linkType == linkType }) { return known }
    let filter = try LinkFilter(linkType: linkType, expression: expression ?? "")
    filters.append(filter)
    return filter
  }
}
