import MOSCore
import TestSupport
import Testing

@Suite("Decoder: TCP, UDP and ICMP over IP")
struct DecoderTests {
  @Test("a TCP segment over IPv4: every field of the description")
  func plainTCP() {
    var builder = PacketBuilder(payload: Array("hello".utf8))
    builder.urgentPointer = 3
    builder.tcpOptions = [1, 1, 1, 1]
    let frame = builder.tcpFrame
    for verify in [true, false] {
      var configuration = DecoderConfiguration()
      configuration.verifyChecksums = verify
      let harness = DecoderHarness(configuration)
      harness.decode(frame, at: 2)
      let packet = harness.packet
      #expect(packet.kind == .tcp && packet.isAcceptable && packet.anomalies.rawValue == 0)
      #expect(packet.number == 1 && packet.timestamp.nanoseconds == 2_000_000_000)
      #expect(packet.capturedLength == frame.count && packet.wireLength == frame.count)
      #expect(packet.network - packet.frame == 14)
      #expect(packet.transport - packet.network == 20)
      #expect(packet.payload - packet.transport == 24)
      #expect(harness.payload == Array("hello".utf8))
      #expect(packet.payloadWireLength == 5 && packet.ipLength == 49)
      #expect(
        packet.key
          == FlowKey(
            source: IPAddress(v4: 0x0a00_0001), sourcePort: 40000, destination: IPAddress(v4: 0x0a00_0002),
            destinationPort: 80, protocolNumber: 6))
      #expect(packet.sequence == 1000 && packet.acknowledgment == 2000 && packet.flags == [.psh, .ack])
      #expect(packet.window == 8192 && packet.urgentPointer == 3 && packet.tcpHeaderLength == 24)
      #expect(packet.timeToLive == 64 && packet.ipVersion == 4)
      #expect(packet.tunnelDepth == 0 && !packet.isReassembled && packet.isSelected)
    }
  }

  @Test("the short way and the step-by-step way agree: a frame with and without VLAN tag")
  func waysAgree() {
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<500 {
      var builder = PacketBuilder(payload: (0..<Int.random(in: 0...80, using: &generator)).map { UInt8($0) })
      builder.flags = UInt16.random(in: 0...0x1ff, using: &generator)
      builder.sequence = .random(in: 0 ... .max, using: &generator)
      builder.acknowledgment = .random(in: 0 ... .max, using: &generator)
      builder.window = .random(in: 0 ... .max, using: &generator)
      builder.urgentPointer = .random(in: 0 ... .max, using: &generator)
      builder.timeToLive = .random(in: 0 ... .max, using: &generator)
      builder.tcpOptions = Array(repeating: 1, count: 4 * Int.random(in: 0...10, using: &generator))
      if UInt8.random(in: 0...3, using: &generator) == 0 { builder.tcpChecksum = 1 }
      if UInt8.random(in: 0...3, using: &generator) == 0 { builder.dataOffset = .random(in: 0...15, using: &generator) }
      let short = DecoderHarness()
      let steps = DecoderHarness()
      short.decode(builder.tcpFrame)
      // A priority tag names no VLAN.
      steps.decode(builder.ethernet(builder.tcp, vlans: [0]))
      #expect(short.packet.kind == steps.packet.kind)
      #expect(short.packet.anomalies == steps.packet.anomalies)
      #expect(short.packet.isAcceptable == steps.packet.isAcceptable)
      #expect(short.packet.key == steps.packet.key)
      #expect(short.packet.flags == steps.packet.flags)
      #expect(short.packet.sequence == steps.packet.sequence)
      #expect(short.packet.acknowledgment == steps.packet.acknowledgment)
      #expect(short.packet.window == steps.packet.window)
      #expect(short.packet.urgentPointer == steps.packet.urgentPointer)
      #expect(short.packet.timeToLive == steps.packet.timeToLive)
      #expect(short.packet.tcpHeaderLength == steps.packet.tcpHeaderLength)
      #expect(short.packet.payloadWireLength == steps.packet.payloadWireLength)
      #expect(short.payload == steps.payload)
      #expect(short.ipBytes == steps.ipBytes)
    }
  }

  @Test("a TCP segment over IPv6")
  func v6() {
    let harness = DecoderHarness()
    harness.decode(PacketBuilder(payload: [1, 2]).v6.tcpFrame)
    #expect(harness.packet.kind == .tcp && harness.packet.isAcceptable && harness.packet.anomalies.rawValue == 0)
    #expect(harness.packet.ipVersion == 6 && harness.packet.timeToLive == 64 && harness.packet.ipLength == 62)
    #expect(harness.packet.key.source == IPAddress(high: 0x2001_0db8_0000_0000, low: 1))
    #expect(harness.packet.key.sourcePort == 40000 && harness.packet.key.protocolNumber == 6)
    #expect(harness.payload == [1, 2])
  }

  @Test("a wrong TCP checksum keeps the segment, but not acceptable; without verification it is")
  func wrongChecksum() {
    for builder in [PacketBuilder(payload: [1]), PacketBuilder(payload: [1]).v6] {
      var wrong = builder
      wrong.tcpChecksum = 0x1234
      let harness = DecoderHarness()
      harness.decode(wrong.tcpFrame)
      #expect(harness.packet.kind == .tcp && !harness.packet.isAcceptable && harness.has(.tcpChecksumInvalid))
      #expect(harness.packet.key.destinationPort == 80)
      var configuration = DecoderConfiguration()
      configuration.verifyChecksums = false
      let careless = DecoderHarness(configuration)
      careless.decode(wrong.tcpFrame)
      #expect(careless.packet.isAcceptable && careless.packet.anomalies.rawValue == 0)
    }
  }

  @Test("whom the device says that the checksums are right, nobody asks again: over IPv4, where there is no tunnel")
  func checksumsThatADeviceVerified() {
    var builder = PacketBuilder(payload: [1])
    builder.tcpChecksum = 0x1234
    let harness = DecoderHarness()
    harness.decode(builder.tcpFrame, hasRightChecksums: true)
    #expect(harness.packet.isAcceptable && harness.packet.anomalies.rawValue == 0)
    harness.decode(builder.v6.tcpFrame, hasRightChecksums: true)
    #expect(!harness.packet.isAcceptable && harness.has(.tcpChecksumInvalid))
  }

  @Test("a wrong IPv4 header checksum keeps the segment, but not acceptable")
  func wrongIPChecksum() {
    var builder = PacketBuilder()
    builder.ipChecksum = 1
    let harness = DecoderHarness()
    harness.decode(builder.tcpFrame)
    #expect(harness.packet.kind == .tcp && !harness.packet.isAcceptable && harness.has(.ipChecksumInvalid))
    #expect(!harness.has(.tcpChecksumInvalid))
  }

  @Test("a checksum that a truncated capture cannot verify counts as right")
  func truncatedCapture() {
    var builder = PacketBuilder(payload: Array(repeating: 7, count: 100))
    builder.tcpChecksum = 1
    let frame = builder.tcpFrame
    let harness = DecoderHarness()
    harness.decode(Array(frame[..<74]), wireLength: frame.count)
    #expect(harness.packet.kind == .tcp && harness.packet.isAcceptable && harness.has(.frameTruncated))
    #expect(!harness.has(.ipTotalLengthInvalid))
    #expect(harness.packet.payloadLength == 20 && harness.packet.payloadWireLength == 100)
  }

  @Test("a truncated capture that lacks options has a header of the whole words that are there")
  func truncatedOptions() {
    var builder = PacketBuilder(payload: [1, 2, 3])
    builder.tcpOptions = Array(repeating: 1, count: 12)
    let frame = builder.tcpFrame
    let harness = DecoderHarness()
    harness.decode(Array(frame[..<60]), wireLength: frame.count)
    #expect(harness.packet.kind == .tcp && harness.packet.isAcceptable && !harness.has(.tcpDataOffsetInvalid))
    #expect(harness.packet.tcpHeaderLength == 24 && harness.packet.payloadLength == 0)
    #expect(harness.packet.payloadWireLength == 3)
  }

  @Test("fewer than the 20 bytes of a TCP header are malformed")
  func tcpHeaderTruncated() {
    let frame = PacketBuilder().tcpFrame
    let harness = DecoderHarness()
    for count in 34..<54 {
      harness.decode(Array(frame[..<count]), wireLength: frame.count)
      #expect(harness.packet.kind == .malformed && harness.has(.tcpHeaderTruncated) && !harness.packet.isAcceptable)
    }
    var short = PacketBuilder()
    short.totalLength = 39
    harness.decode(short.tcpFrame)
    #expect(harness.packet.kind == .malformed && harness.has(.tcpHeaderTruncated) && !harness.has(.frameTruncated))
  }

  @Test("a data offset below 5 or beyond the segment is not acceptable")
  func dataOffset() {
    for offset: UInt8 in [0, 4, 7, 15] {
      var builder = PacketBuilder(payload: [1, 2, 3])
      builder.dataOffset = offset
      let harness = DecoderHarness()
      harness.decode(builder.tcpFrame)
      #expect(harness.packet.kind == .tcp && !harness.packet.isAcceptable && harness.has(.tcpDataOffsetInvalid))
      #expect(harness.packet.tcpHeaderLength == 20)
    }
  }

  @Test("control bits that no stack sends")
  func flags() {
    let expected: [UInt16: Bool] = [
      0x00: true, 0x01: true, 0x03: true, 0x06: true, 0x08: true, 0x29: true, 0x12: false, 0x02: false, 0x10: false,
      0x11: false, 0x04: false, 0x14: false, 0x15: false, 0x18: false, 0xc2: false, 0x3f: true,
    ]
    for (bits, isInvalid) in expected {
      var builder = PacketBuilder()
      builder.flags = bits
      let harness = DecoderHarness()
      harness.decode(builder.tcpFrame)
      #expect(harness.has(.tcpFlagsInvalid) == isInvalid, "flags \(bits)")
      #expect(harness.packet.isAcceptable)
    }
  }

  @Test("Ethernet padding is not payload")
  func padding() {
    let harness = DecoderHarness()
    for builder in [PacketBuilder(payload: [9]), PacketBuilder(payload: [9]).v6] {
      harness.decode(builder.tcpFrame + [0, 0, 0, 0, 0, 0])
      #expect(harness.payload == [9] && harness.packet.payloadWireLength == 1 && harness.packet.isAcceptable)
    }
  }

  @Test("an IP total length of 0 is that of the frame, as segmentation in hardware leaves it")
  func segmentationOffload() {
    var configuration = DecoderConfiguration()
    configuration.verifyChecksums = false
    let harness = DecoderHarness(configuration)
    for builder in [PacketBuilder(payload: [1, 2, 3]), PacketBuilder(payload: [1, 2, 3]).v6] {
      var zero = builder
      zero.totalLength = 0
      harness.decode(zero.tcpFrame)
      #expect(harness.packet.kind == .tcp && harness.payload == [1, 2, 3] && harness.packet.isAcceptable)
    }
  }

  @Test("IP headers that contradict themselves are malformed, each in its own way")
  func malformedIP() {
    func anomaly(_ change: (inout PacketBuilder) -> Void) -> (PacketKind, AnomalySet) {
      var builder = PacketBuilder()
      change(&builder)
      let harness = DecoderHarness()
      harness.decode(builder.tcpFrame)
      return (harness.packet.kind, harness.packet.anomalies)
    }
    let headerLength = anomaly { $0.headerLength = 4 }
    #expect(headerLength.0 == .malformed && headerLength.1.contains(.ipHeaderLengthInvalid))
    let totalLength = anomaly { $0.totalLength = 19 }
    #expect(totalLength.0 == .malformed && totalLength.1.contains(.ipTotalLengthInvalid))
    let option = anomaly { $0.ipOptions = [7, 40, 0, 0] }
    #expect(option.0 == .tcp && option.1.contains(.ipOptionInvalid))
    let harness = DecoderHarness()
    harness.decode(PacketBuilder.ethernet(PacketBuilder().v6.tcp, type: 0x0800))
    #expect(harness.packet.kind == .malformed && harness.has(.ipVersionInvalid))
  }

  @Test("a datagram that claims more than the frame had on the wire is acceptable only if configured")
  func beyondFrame() {
    var builder = PacketBuilder(payload: [1, 2, 3])
    builder.totalLength = 60
    let harness = DecoderHarness()
    harness.decode(builder.tcpFrame)
    #expect(harness.packet.kind == .tcp && harness.packet.isAcceptable)
    #expect(harness.has(.frameTruncated) && harness.has(.ipTotalLengthInvalid))
    #expect(harness.payload == [1, 2, 3] && harness.packet.payloadWireLength == 20)
    var configuration = DecoderConfiguration()
    configuration.acceptDatagramsBeyondFrame = false
    let strict = DecoderHarness(configuration)
    strict.decode(builder.tcpFrame)
    #expect(!strict.packet.isAcceptable)
  }

  @Test("a time to live below the minimum is not acceptable")
  func timeToLive() {
    var configuration = DecoderConfiguration()
    configuration.minimumTimeToLive = 5
    let harness = DecoderHarness(configuration)
    for base in [PacketBuilder(), PacketBuilder().v6] {
      for (value, isLow) in [(4 as UInt8, true), (5, false)] {
        var builder = base
        builder.timeToLive = value
        harness.decode(builder.tcpFrame)
        #expect(harness.packet.kind == .tcp && harness.has(.lowTimeToLive) == isLow)
        #expect(harness.packet.isAcceptable == !isLow)
      }
    }
  }

  @Test("UDP: checksum 0 is fine on IPv4 and wrong on IPv6")
  func udpZeroChecksum() {
    let harness = DecoderHarness()
    harness.decode(PacketBuilder(payload: [5, 6]).udpFrame)
    #expect(harness.packet.kind == .udp && harness.packet.isAcceptable && harness.payload == [5, 6])
    var zero = PacketBuilder(payload: [5, 6])
    zero.udpChecksum = 0
    harness.decode(zero.udpFrame)
    #expect(harness.packet.isAcceptable)
    harness.decode(zero.v6.udpFrame)
    #expect(!harness.packet.isAcceptable && harness.has(.udpChecksumInvalid))
    zero.udpChecksum = 77
    harness.decode(zero.udpFrame)
    #expect(!harness.packet.isAcceptable && harness.has(.udpChecksumInvalid))
  }

  @Test("UDP: a length below the header or beyond the datagram is invalid; a shorter one cuts the payload")
  func udpLength() {
    var builder = PacketBuilder(payload: [1, 2, 3, 4])
    builder.udpChecksum = 0
    let harness = DecoderHarness()
    for length: UInt16 in [0, 7, 13, 65535] {
      builder.udpLength = length
      harness.decode(builder.udpFrame)
      #expect(harness.packet.kind == .udp && !harness.packet.isAcceptable && harness.has(.udpLengthInvalid))
      #expect(harness.packet.payloadLength == 4)
    }
    builder.udpLength = 10
    harness.decode(builder.udpFrame)
    #expect(harness.packet.isAcceptable && harness.payload == [1, 2])
  }

  @Test("ICMP: a reply's key is the exact reverse of the request's")
  func icmpPairs() {
    let pairs: [(Bool, UInt8, UInt8)] = [
      (false, 8, 0), (false, 13, 14), (false, 15, 16), (false, 17, 18), (false, 10, 9), (true, 128, 129),
      (true, 133, 134), (true, 135, 136), (true, 130, 131), (true, 139, 140), (true, 144, 145),
    ]
    for (isV6, request, reply) in pairs {
      let builder = isV6 ? PacketBuilder(payload: [1]).v6 : PacketBuilder(payload: [1])
      let back = builder.reversed
      let number: UInt8 = isV6 ? 58 : 1
      let harness = DecoderHarness()
      harness.decode(builder.ethernet(builder.ip(number, builder.icmp(type: request))))
      let key = harness.packet.key
      #expect(harness.packet.kind == (isV6 ? .icmpv6 : .icmp) && harness.packet.isAcceptable)
      #expect(harness.packet.icmpType == request && harness.payload == [1])
      #expect(key.sourcePort == UInt16(request) && key.destinationPort == UInt16(reply))
      harness.decode(back.ethernet(back.ip(number, back.icmp(type: reply))))
      #expect(harness.packet.key == key.reversed)
    }
  }

  @Test("ICMP: an error that quotes TCP stays ICMP, with type and code as ports")
  func icmpError() {
    let quoted = PacketBuilder().tcp
    let builder = PacketBuilder(payload: quoted)
    let harness = DecoderHarness()
    harness.decode(builder.ethernet(builder.ip(1, builder.icmp(type: 3, code: 1))))
    #expect(harness.packet.kind == .icmp && harness.packet.icmpType == 3 && harness.packet.icmpCode == 1)
    #expect(harness.packet.key.sourcePort == 3 && harness.packet.key.destinationPort == 1)
    #expect(harness.payload == quoted)
  }

  @Test("ICMP: wrong checksums and short messages")
  func icmpBroken() {
    let builder = PacketBuilder(payload: [1, 2])
    var message = builder.icmp(type: 8)
    message[9] ^= 1
    let harness = DecoderHarness()
    harness.decode(builder.ethernet(builder.ip(1, message)))
    #expect(harness.packet.kind == .icmp && !harness.packet.isAcceptable && harness.has(.icmpChecksumInvalid))
    harness.decode(builder.ethernet(builder.ip(1, Array(message[..<7]))))
    #expect(harness.packet.kind == .malformed && harness.has(.icmpHeaderTruncated))
  }

  @Test("other IP protocols, ARP and frames without IP")
  func others() {
    let harness = DecoderHarness()
    harness.decode(PacketBuilder().ethernet(PacketBuilder().ip(132, [1, 2, 3, 4])))
    #expect(harness.packet.kind == .otherIP && harness.packet.key.protocolNumber == 132 && harness.payload.count == 4)
    harness.decode(PacketBuilder.ethernet(Array(repeating: 0, count: 28), type: 0x0806))
    #expect(harness.packet.kind == .arp && harness.packet.network - harness.packet.frame == 14)
    harness.decode(PacketBuilder.ethernet([1, 2, 3], type: 0x88cc))
    #expect(harness.packet.kind == .notIP)
    harness.decode(PacketBuilder.ethernet([0x42, 0x42, 3, 0], type: 4))
    #expect(harness.packet.kind == .notIP)
    harness.decode([1, 2, 3])
    #expect(harness.packet.kind == .malformed && harness.has(.frameTruncated))
    harness.decode([])
    #expect(harness.packet.kind == .malformed)
  }

  @Test("IPv6 extension headers before TCP, with the checksum over the final destination")
  func v6Extensions() {
    var builder = PacketBuilder(payload: [1]).v6
    let harness = DecoderHarness()
    harness.decode(
      builder.ethernet(builder.ip(0, [60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0] + builder.segment)))
    #expect(harness.packet.kind == .tcp && harness.packet.isAcceptable && harness.payload == [1])
    #expect(harness.packet.transport - harness.packet.network == 56)
    // On the way the header's destination is a router, and the last address of the routing header the receiver.
    let segment = builder.segment
    let receiver = builder.destination
    builder.destination[15] = 9
    harness.decode(builder.ethernet(builder.ip(43, [6, 2, 0, 1, 0, 0, 0, 0] + receiver + segment)))
    #expect(harness.packet.kind == .tcp && harness.packet.isAcceptable)
    harness.decode(builder.ethernet(builder.ip(43, [6, 2, 0, 0, 0, 0, 0, 0] + receiver + segment)))
    #expect(harness.packet.kind == .tcp && harness.has(.tcpChecksumInvalid))
  }

  @Test("broken IPv6 extension headers are malformed")
  func v6BrokenExtensions() {
    let builder = PacketBuilder().v6
    let harness = DecoderHarness()
    harness.decode(builder.ethernet(builder.ip(60, [6, 9, 0, 0, 0, 0, 0, 0])))
    #expect(harness.packet.kind == .malformed && harness.has(.extensionHeaderInvalid))
    let chain = (0..<20).flatMap { _ in [60, 0, 1, 4, 0, 0, 0, 0] as [UInt8] }
    harness.decode(builder.ethernet(builder.ip(60, chain + builder.segment)))
    #expect(harness.packet.kind == .malformed && harness.has(.extensionHeaderInvalid))
  }

  @Test("an authentication header on IPv4 is passed")
  func v4Authentication() {
    let builder = PacketBuilder(payload: [3])
    let harness = DecoderHarness()
    harness.decode(
      builder.ethernet(builder.ip(51, [6, 4] + Array(repeating: 0, count: 22) + builder.segment)))
    #expect(harness.packet.kind == .tcp && harness.packet.key.protocolNumber == 6 && harness.payload == [3])
    #expect(harness.packet.isAcceptable)
  }
}
