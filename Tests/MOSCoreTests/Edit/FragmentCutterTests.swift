import MOSCore
import TestSupport
import Testing

@Suite("Cutting datagrams into fragments")
struct FragmentCutterTests {
  /// A datagram's fragments as frames.
  private func cut(_ frame: [UInt8], longest: Int) -> [[UInt8]]? {
    frame.withUnsafeBytes { bytes in
      let cutter = FragmentCutter(
        bytes.baseAddress!, length: bytes.count, networkOffset: 14, longest: longest, identification: 99)
      guard let cutter else { return nil }
      return (0..<cutter.count).map { index in
        [UInt8](unsafeUninitializedCapacity: cutter.length(of: index)) { target, count in
          cutter.write(index, to: target.baseAddress!)
          count = cutter.length(of: index)
        }
      }
    }
  }

  @Test("An IPv4 datagram is cut at multiples of eight bytes, whatever the length it may have", arguments: 28...70)
  func v4(longest: Int) {
    let builder = PacketBuilder(payload: (0..<200).map(UInt8.init))
    let frame = builder.ethernet(builder.ip(17, builder.datagram, fragment: 0))
    let fragments = builder.fragments(17, builder.datagram, size: (longest - 20) / 8 * 8)
    let expected = fragments.map { builder.ethernet($0) }
    #expect(cut(frame, longest: longest) == expected)
  }

  @Test("An IPv6 datagram gets fragment headers", arguments: 56...90)
  func v6(longest: Int) {
    let builder = PacketBuilder(payload: (0..<200).map(UInt8.init)).v6
    let frame = builder.ethernet(builder.ip(17, builder.datagram))
    let fragments = builder.v6Fragments(17, builder.datagram, size: (longest - 48) / 8 * 8)
    let expected = fragments.map { builder.ethernet($0) }
    #expect(cut(frame, longest: longest) == expected)
  }

  @Test("What is no longer than it may be stays whole, without padding")
  func whole() {
    for builder in [PacketBuilder(payload: [1, 2, 3]), PacketBuilder(payload: [1, 2, 3]).v6] {
      let frame = builder.udpFrame
      #expect(cut(frame + [0, 0, 0], longest: frame.count - 14) == [frame])
    }
  }

  @Test("What cannot be cut is refused")
  func refused() {
    let builder = PacketBuilder(payload: [UInt8](repeating: 1, count: 100))
    #expect(cut(builder.udpFrame, longest: 27) == nil)
    #expect(cut(Array(builder.udpFrame.dropLast(1)), longest: 60) == nil)
    let v6 = builder.v6
    #expect(cut(v6.udpFrame, longest: 55) == nil)
    // Destination options before the datagram: what follows them could not be told from them.
    #expect(cut(v6.ethernet(v6.ip(60, [17, 0, 1, 4, 0, 0, 0, 0] + v6.datagram)), longest: 80) == nil)
    #expect(cut([UInt8](repeating: 0, count: 40), longest: 100) == nil)
  }
}
