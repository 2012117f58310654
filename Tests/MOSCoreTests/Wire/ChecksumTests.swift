import MOSCore
import TestSupport
import Testing

@Suite("Internet checksum")
struct ChecksumTests {
  @Test("the numerical example of RFC 1071, section 3")
  func rfc1071() {
    let bytes: [UInt8] = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]
    bytes.withUnsafeBytes { #expect(Checksum.of($0.baseAddress!, count: 8) == ~0xddf2) }
  }

  @Test("an IPv4 header with its checksum verifies; with one bit changed it does not")
  func verifies() {
    var header: [UInt8] = [
      0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00,
      0xc7,
    ]
    header.withUnsafeBytes { #expect(Checksum.verify($0.baseAddress!, count: 20)) }
    header[8] ^= 1
    header.withUnsafeBytes { #expect(!Checksum.verify($0.baseAddress!, count: 20)) }
  }

  @Test("agrees with the sum word by word for every length to 300 and every alignment, also where every word carries")
  func lengthsAndAlignments() {
    var generator = SeededGenerator(seed: 1)
    for pattern in 0..<2 {
      let bytes = (0..<320).map { _ in pattern == 0 ? UInt8.random(in: 0...255, using: &generator) : 0xff }
      bytes.withUnsafeBytes { raw in
        for length in 0...300 {
          for start in 0..<8 {
            let expected = internetChecksum(Array(bytes[start..<start + length]))
            #expect(Checksum.of(raw.baseAddress! + start, count: length) == expected)
          }
        }
      }
    }
  }

  @Test("a sum over pieces is that over the whole, the last piece odd")
  func pieces() {
    var generator = SeededGenerator(seed: 2)
    let bytes = (0..<1501).map { _ in UInt8.random(in: 0...255, using: &generator) }
    bytes.withUnsafeBytes { raw in
      var checksum = Checksum()
      checksum.add(raw.baseAddress!, count: 34)
      checksum.add(raw.baseAddress! + 34, count: 1000)
      checksum.add(raw.baseAddress! + 1034, count: 467)
      #expect(checksum.value == internetChecksum(bytes))
    }
  }

  @Test("the example of RFC 1624, section 4: equation 3 gives 0x0000 where RFC 1141 gives 0xffff")
  func rfc1624() {
    #expect(Checksum.updated(0xdd2f, from: 0x5555 as UInt16, to: 0x3285) == 0x0000)
  }

  @Test("an incremental update gives what a new calculation gives, 16 and 32 bits")
  func incremental() {
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<2000 {
      var bytes = (0..<20).map { _ in UInt8.random(in: 0...255, using: &generator) }
      let before = internetChecksum(bytes)
      let word = UInt16.random(in: 0 ... .max, using: &generator)
      let old = UInt16(bytes[4]) << 8 | UInt16(bytes[5])
      bytes.replaceSubrange(4..<6, with: be(word))
      let between = internetChecksum(bytes)
      #expect(Checksum.updated(before, from: old, to: word) == between)
      let long = UInt32.random(in: 0 ... .max, using: &generator)
      let oldLong = bytes[12..<16].reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
      bytes.replaceSubrange(12..<16, with: be(long))
      #expect(Checksum.updated(between, from: oldLong, to: long) == internetChecksum(bytes))
    }
  }

  @Test("pseudo-headers of IPv4 and IPv6")
  func pseudoHeaders() {
    for builder in [PacketBuilder(payload: [1, 2, 3]), PacketBuilder(payload: [1, 2, 3]).v6] {
      let packet = builder.tcp
      let headerLength = builder.isV6 ? 40 : 20
      packet.withUnsafeBytes { raw in
        let length = UInt32(packet.count - headerLength)
        let base = raw.baseAddress!
        var checksum =
          builder.isV6
          ? Checksum(ipv6Source: base + 8, destination: base + 24, protocolNumber: 6, length: length)
          : Checksum(ipv4Header: base, protocolNumber: 6, length: length)
        checksum.add(base + headerLength, count: Int(length))
        #expect(checksum.isValid)
      }
    }
  }
}
