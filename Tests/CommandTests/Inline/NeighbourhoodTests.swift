import MOSCore
import Testing

@testable import mos

@Suite("Next hops of a router: what it asks, keeps and forgets")
struct NeighbourhoodTests {
  private let second: Int64 = 1_000_000_000
  private let host = IPAddress(v4: 0xc000_0205)
  private let address = MACAddress(rawValue: 0x0200_0000_0005)

  private func make() throws -> Neighbourhood {
    try Neighbourhood(
      RouterConfiguration(["10.0.0.1/8,fd00::1/64", "192.0.2.1/24"], gateways: []),
      hardware: [MACAddress(rawValue: 0x0200_0000_0001), MACAddress(rawValue: 0x0200_0000_0002)])
  }

  private func frame(_ number: UInt8) -> RouterFrame {
    RouterFrame(port: 1, bytes: [UInt8](repeating: number, count: 60))
  }

  @Test("a host is asked for once a second, by a broadcast with the box's own addresses")
  func asks() throws {
    var known = try make()
    #expect(known.resolve(host, at: 1, now: second) == nil)
    let made = known.takeMade()
    // RFC 826: hardware 1, protocol 0800, lengths 6 and 4, operation 1, sender, target.
    let expected: [UInt8] =
      [255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 2, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2, 192, 0, 2, 1]
      + [0, 0, 0, 0, 0, 0, 192, 0, 2, 5] + [UInt8](repeating: 0, count: 18)
    #expect(made.map(\.port) == [1] && made[0].bytes == expected)
    #expect(known.resolve(host, at: 1, now: second + second / 2) == nil)
    #expect(known.takeMade().isEmpty)
    #expect(known.resolve(host, at: 1, now: 2 * second) == nil)
    #expect(known.takeMade().count == 1)
  }

  @Test("one that has not been heard of for 30 seconds is asked alone and still used, and after 60 not any more")
  func ages() throws {
    var known = try make()
    known.learn(host, address, at: 1, isNew: true, now: second)
    #expect(known.resolve(host, at: 1, now: 30 * second) == address)
    #expect(known.takeMade().isEmpty)
    #expect(known.resolve(host, at: 1, now: 32 * second) == address)
    #expect(known.takeMade().map { Array($0.bytes[0..<6]) } == [[2, 0, 0, 0, 0, 5]])
    #expect(known.resolve(host, at: 1, now: 62 * second) == nil)
    #expect(known.takeMade().map { Array($0.bytes[0..<6]) } == [[255, 255, 255, 255, 255, 255]])
    known.learn(host, address, at: 1, isNew: false, now: 63 * second)
    #expect(known.resolve(host, at: 1, now: 64 * second) == address)
    #expect(known.takeMade().isEmpty)
  }

  @Test("what waits for an answer leaves in its order with it; of more than 8 frames for one host the oldest go")
  func waits() throws {
    var known = try make()
    _ = known.resolve(host, at: 1, now: second)
    _ = known.takeMade()
    for number in 1...10 { known.keep(frame(UInt8(number)), for: host, now: second) }
    known.learn(host, address, at: 1, isNew: false, now: 2 * second)
    let made = known.takeMade()
    #expect(made.map { $0.bytes[59] } == [3, 4, 5, 6, 7, 8, 9, 10])
    #expect(made.allSatisfy { $0.bytes[0..<6] == [2, 0, 0, 0, 0, 5] })
    #expect(known.total.unreachable == 2 && known.total.made == 1)
  }

  @Test("what has waited for more than 3 seconds is given up")
  func givesUp() throws {
    var known = try make()
    _ = known.resolve(host, at: 1, now: second)
    known.keep(frame(1), for: host, now: second)
    _ = known.takeMade()
    known.expire(4 * second + 1)
    known.learn(host, address, at: 1, isNew: false, now: 5 * second)
    #expect(known.takeMade().isEmpty)
    #expect(known.total.unreachable == 1)
  }

  @Test("nobody has an address of the box, of another network, of a group, or one that nobody asked for")
  func refusesClaims() throws {
    let group = MACAddress(rawValue: 0x0100_5e00_0001)
    let claims: [(IPAddress, MACAddress, Int, Bool)] = [
      (IPAddress(v4: 0xc000_0201), address, 1, true), (IPAddress(v4: 0x0a00_0005), address, 1, true),
      (host, address, 0, true), (host, group, 1, true), (host, address, 1, false),
    ]
    for (claimed, hardware, port, isNew) in claims {
      var known = try make()
      known.learn(claimed, hardware, at: port, isNew: isNew, now: second)
      #expect(known.resolve(claimed, at: port, now: second) == nil, "\(claimed) \(hardware) \(port)")
    }
  }

  @Test("hosts that do not answer, however many are asked for, push out none that does")
  func scan() throws {
    var known = try make()
    known.learn(host, address, at: 1, isNew: true, now: second)
    for low in 2..<20_002 as Range<UInt64> {
      _ = known.resolve(IPAddress(high: 0xfd00 << 48, low: low), at: 0, now: 2 * second)
      known.keep(RouterFrame(port: 0, bytes: [0]), for: IPAddress(high: 0xfd00 << 48, low: low), now: 2 * second)
      _ = known.takeMade()
    }
    #expect(known.resolve(host, at: 1, now: 3 * second) == address)
    #expect(known.total.unreachable == 20_000)
  }
}
