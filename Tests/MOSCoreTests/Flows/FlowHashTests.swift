import Testing

@testable import MOSCore

@Suite("Flow hash")
struct FlowHashTests {
  /// SipHash of bytes, as the paper pads them: little-endian words, the last with the length in its top byte.
  private func sipHash(_ bytes: [UInt8], compression: Int, finalization: Int) -> UInt64 {
    var state = SipHash(secret: (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908))
    var padded = bytes
    while padded.count % 8 != 7 { padded.append(0) }
    padded.append(UInt8(truncatingIfNeeded: bytes.count))
    for start in stride(from: 0, to: padded.count, by: 8) {
      let word = (0..<8).reduce(UInt64(0)) { $0 | UInt64(padded[start + $1]) << (8 * UInt64($1)) }
      state.compress(word, rounds: compression)
    }
    return state.finalize(rounds: finalization)
  }

  @Test("SipHash-2-4 gives the values published with it")
  func referenceVectors() {
    #expect(sipHash((0..<15).map { $0 }, compression: 2, finalization: 4) == 0xa129_ca61_49be_45e5)
    #expect(sipHash([], compression: 2, finalization: 4) == 0x726f_db47_dd0e_0e31)
    #expect(sipHash([0], compression: 2, finalization: 4) == 0x74f8_39c5_93dc_67fd)
    #expect(sipHash((0..<8).map { $0 }, compression: 2, finalization: 4) == 0x93f5_f579_9a93_2462)
  }

  @Test("SipHash-1-3 gives the known value of the empty input")
  func oneThree() {
    #expect(sipHash([], compression: 1, finalization: 3) == 0xabac_0158_050f_c4dc)
  }

  private func key(_ generator: inout SeededGenerator, v4: Bool) -> FlowKey {
    func address() -> IPAddress {
      v4
        ? IPAddress(v4: UInt32(truncatingIfNeeded: generator.next()))
        : IPAddress(high: generator.next(), low: generator.next())
    }
    return FlowKey(
      source: address(), sourcePort: .random(in: 0 ... .max, using: &generator), destination: address(),
      destinationPort: .random(in: 0 ... .max, using: &generator), vlan: .random(in: 0...4095, using: &generator),
      innerVLAN: .random(in: 0...4095, using: &generator), protocolNumber: .random(in: 0...255, using: &generator))
  }

  @Test("both directions have one hash", arguments: [true, false])
  func symmetry(v4: Bool) {
    var generator = SeededGenerator(seed: 1)
    let hash = FlowHash(secret: (1, 2))
    for _ in 0..<2000 {
      var key = key(&generator, v4: v4)
      #expect(hash.hash(key) == hash.hash(key.reversed))
      // Both ends at one address, then at one port too.
      key.destination = key.source
      #expect(hash.hash(key) == hash.hash(key.reversed))
      key = FlowKey(
        source: key.source, sourcePort: 7, destination: key.source, destinationPort: 7, protocolNumber: 6)
      #expect(hash.hash(key) == hash.hash(key.reversed))
    }
  }

  @Test("one IPv4 and one IPv6 end: both directions have one hash")
  func mixedSymmetry() {
    var generator = SeededGenerator(seed: 2)
    let hash = FlowHash(secret: (1, 2))
    for _ in 0..<200 {
      var key = key(&generator, v4: false)
      key.source = IPAddress(v4: 0x0a00_0001)
      #expect(hash.hash(key) == hash.hash(key.reversed))
    }
  }

  @Test("the IPv6 hash is SipHash-1-3 of the canonical key's words")
  func v6AgainstPlain() {
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<500 {
      let secret = (generator.next(), generator.next())
      let key = key(&generator, v4: false)
      let canonical = key.canonical
      var state = SipHash(secret: secret, domain: FlowHash.v6Domain)
      for word in [
        canonical.source.high, canonical.source.low, canonical.destination.high, canonical.destination.low,
        canonical.rest,
      ] { state.compress(word, rounds: 1) }
      #expect(FlowHash(secret: secret).hash(key) == state.finalize(rounds: 3))
    }
  }

  @Test("two given IPv4 keys collide under one secret in as many as chance has it")
  func universality() {
    var generator = SeededGenerator(seed: 6)
    let first = FlowKey(
      source: IPAddress(v4: 0x0a00_0001), sourcePort: 40_000, destination: IPAddress(v4: 0xc0a8_0001),
      destinationPort: 80, protocolNumber: 6)
    var neighbours = [first, first, first, first, first]
    neighbours[0].source.low += 1
    neighbours[1].destination.low += 256
    neighbours[2].rest += 1 << 48
    neighbours[3].rest += 1 << 20
    neighbours[4].source = IPAddress(v4: 0x0b00_0001)
    neighbours[4].destination = IPAddress(v4: 0xbfa8_0001)
    for other in neighbours {
      var collisions = 0
      for _ in 0..<20_000 {
        let hash = FlowHash(secret: (generator.next(), generator.next()))
        // In the ten bits that a table of 1,024 buckets would use: 19.5 in the mean, standard deviation 4.4.
        if hash.hash(first) >> 54 == hash.hash(other) >> 54 { collisions += 1 }
      }
      #expect(collisions < 45)
    }
  }

  @Test("every bit of a key counts", arguments: [true, false])
  func everyBit(v4: Bool) {
    var generator = SeededGenerator(seed: 4)
    let hash = FlowHash(secret: (3, 4))
    let key = key(&generator, v4: v4)
    var seen: Set<UInt64> = [hash.hash(key)]
    var expected = 1
    for bit in 0..<64 {
      var changed = key
      changed.rest ^= 1 << UInt64(bit)
      seen.insert(hash.hash(changed))
      changed = key
      changed.source.low ^= 1 << UInt64(bit)
      seen.insert(hash.hash(changed))
      changed = key
      changed.destination.low ^= 1 << UInt64(bit)
      seen.insert(hash.hash(changed))
      changed = key
      changed.source.high ^= 1 << UInt64(bit)
      seen.insert(hash.hash(changed))
      changed = key
      changed.destination.high ^= 1 << UInt64(bit)
      seen.insert(hash.hash(changed))
      expected += 5
    }
    #expect(seen.count == expected)
  }

  @Test("the secret decides the hash; random secrets differ")
  func secrets() {
    var generator = SeededGenerator(seed: 5)
    for v4 in [true, false] {
      let key = key(&generator, v4: v4)
      let hashes: Set = [
        FlowHash(secret: (0, 0)).hash(key), FlowHash(secret: (1, 0)).hash(key), FlowHash(secret: (0, 1)).hash(key),
        FlowHash.random().hash(key), FlowHash.random().hash(key),
      ]
      #expect(hashes.count == 5)
    }
  }

  @Test(
    "sequential addresses and ports spread evenly over the tag's upper and the hash's lower bits",
    arguments: [true, false])
  func distribution(v4: Bool) {
    let hash = FlowHash(secret: (0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210))
    var upper = [Int](repeating: 0, count: 1024)
    var lower = upper
    for client in 0..<1024 {
      for port in 0..<64 {
        let source =
          v4
          ? IPAddress(v4: 0x0a00_0000 + UInt32(client)) : IPAddress(high: 0x2001_0db8 << 32, low: UInt64(client))
        let server = v4 ? IPAddress(v4: 0xc0a8_0001) : IPAddress(high: 0x2001_0db8 << 32, low: 1 << 48)
        let key = FlowKey(
          source: source, sourcePort: UInt16(40_000 + port), destination: server, destinationPort: 443,
          protocolNumber: 6)
        let value = hash.hash(key)
        upper[Int(value >> 54)] += 1
        lower[Int(value & 1023)] += 1
      }
    }
    // Chi-square with 1,023 degrees of freedom: mean 1,023, standard deviation 45; five of them above. Sums of products
    // spread sequences more evenly than chance does, so there is no bound below.
    for counts in [upper, lower] {
      let chiSquare = counts.reduce(0.0) { $0 + (Double($1) - 64) * (Double($1) - 64) / 64 }
      #expect(chiSquare < 1249)
    }
  }
}
