import MOSCore
import Testing

@Suite("MAC addresses")
struct MACAddressTests {
  @Test("Six bytes with colons, the first one uppermost; the group bit is the lowest of the first byte")
  func text() {
    #expect(MACAddress(rawValue: 0x00_1b_44_11_3a_b7).description == "00:1b:44:11:3a:b7")
    #expect(MACAddress(rawValue: 0xffff_0200_0000_000a) == MACAddress(rawValue: 0x0200_0000_000a))
    #expect(MACAddress(rawValue: .max).isGroup && MACAddress(rawValue: 0x0100_5e00_0001).isGroup)
    #expect(!MACAddress(rawValue: 0x0200_0000_0001).isGroup)
  }
}
