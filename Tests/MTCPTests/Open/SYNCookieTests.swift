import MOSCore
import Testing

@testable import MTCP

@Suite("SYN cookies, RFC 4987 3.6")
struct SYNCookieTests {
  private let cookies = SYNCookies(secret: (3, 4))
  private let sequence = SequenceNumber(0xffff_fff0)

  private func size(_ cookie: SequenceNumber, _ key: FlowKey = clientKey(), at time: Timestamp) -> UInt16? {
    cookies.maximumSegmentSize(key, sequence: sequence + 1, acknowledgment: cookie + 1, at: time)
  }

  @Test(
    "A client that answers is known again, and is sent no longer segments than it said",
    arguments: [
      (0, 536), (1, 64), (535, 64), (536, 536), (1_300, 1_220), (1_400, 1_360), (1_439, 1_420), (1_440, 1_440),
      (1_460, 1_460),
      (8_939, 1_460), (8_940, 8_940), (65_535, 8_940),
    ] as [(UInt16, UInt16)])
  func sizes(said: UInt16, taken: UInt16) {
    let cookie = cookies.cookie(clientKey(), sequence: sequence, maximumSegmentSize: said, at: seconds(0))
    #expect(size(cookie, at: seconds(0)) == taken)
    #expect(size(cookie, at: seconds(60)) == taken)
  }

  @Test("It is good for 64 seconds at least, and 128 at most, and not when its bits of time come again")
  func age() {
    for start in stride(from: 0.0, to: 2_100, by: 7.3) {
      let cookie = cookies.cookie(clientKey(), sequence: sequence, maximumSegmentSize: 1_460, at: seconds(start))
      #expect(size(cookie, at: seconds(start + 63)) == 1_460)
      #expect(size(cookie, at: seconds(start + 129)) == nil)
      #expect(size(cookie, at: seconds(start + 2_048)) == nil)
    }
  }

  @Test("Of other ends, with another number of the client's, under another secret, or from before: no cookie")
  func foreign() {
    let cookie = cookies.cookie(clientKey(), sequence: sequence, maximumSegmentSize: 1_460, at: seconds(0))
    #expect(size(cookie, clientKey(0x0a00_0002), at: seconds(0)) == nil)
    #expect(size(cookie, clientKey(0x0a00_0001, 40_001), at: seconds(0)) == nil)
    #expect(
      cookies.maximumSegmentSize(clientKey(), sequence: sequence + 2, acknowledgment: cookie + 1, at: seconds(0)) == nil
    )
    let others = SYNCookies(secret: (3, 5))
    #expect(
      others.maximumSegmentSize(clientKey(), sequence: sequence + 1, acknowledgment: cookie + 1, at: seconds(0)) == nil)
    #expect(size(cookie, at: seconds(-70)) == nil)
  }

  @Test("Whoever guesses is right once in 2^24 times for each of the two times and eight sizes that a cookie may say")
  func guesses() {
    var random = SeededGenerator(seed: 4_987)
    var hits = 0
    for _ in 0..<200_000 where size(SequenceNumber(.random(in: 0 ... .max, using: &random)), at: seconds(0)) != nil {
      hits += 1
    }
    // 200,000 guesses, of which one in 16 has a time that counts: 0.0007 are expected.
    #expect(hits == 0)
  }

  @Test("The timestamp remembers the other options, does not lie in the future, and is not older than 64 ticks")
  func options() {
    for now in [0, 63, 64, 65, 1_000_000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] as [UInt32] {
      for scale in [nil, 0, 7, 14] as [UInt8?] {
        for flags in 0..<4 {
          let offer = SYNCookies.Offer(
            maximumSegmentSize: 1_460, windowScale: scale, hasSACK: flags & 1 != 0, hasECN: flags & 2 != 0)
          let value = SYNCookies.timestampValue(now, offer)
          #expect(now &- value <= 64)
          #expect(SYNCookies.offer(echo: value, maximumSegmentSize: 1_460) == offer)
        }
      }
    }
    let plain = SYNCookies.offer(echo: nil, maximumSegmentSize: 536)
    #expect(plain == SYNCookies.Offer(maximumSegmentSize: 536, windowScale: nil, hasSACK: false, hasECN: false))
  }
}
