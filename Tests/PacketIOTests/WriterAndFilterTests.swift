import CPcap
import Foundation
import MOSCore
import PacketIO
import Testing

@Suite struct CaptureWriterTests {
  @Test("what is written is read back, by this reader and by libpcap")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("out.pcap")
    let frames = [0, 1, 60, 1514, 65_535, 262_144, 300_000, 60].enumerated().map { index, length in
      FrameCopy(
        bytes: sampleFrame(length, seed: index), wireLength: UInt32(length + index),
        nanoseconds: 1_700_000_000_000_000_000 + Int64(index) * 999_999_999)
    }
    var writer = try CaptureWriter(path: path, linkType: .ethernet, snapLength: 400_000)
    for frame in frames {
      try frame.bytes.withUnsafeBytes {
        try writer.write(
          $0.baseAddress ?? UnsafeRawPointer(bitPattern: 8)!, capturedLength: UInt32($0.count),
          wireLength: frame.wireLength, timestamp: Timestamp(nanoseconds: frame.nanoseconds))
      }
    }
    let written = writer.packetsWritten
    #expect(written == 8)
    try writer.close()
    #expect(readAll(try CaptureReader(path: path)).frames == frames)
    let opinion = try #require(LibpcapOracleTests.read(path))
    #expect(opinion.linkType == DLT_EN10MB)
    // libpcap stops at a frame of more than 262,144 bytes.
    #expect(opinion.frames == Array(frames.prefix(6)))
  }

  @Test("times outside of the format's range become its ends")
  func times() throws {
    let folder = try TemporaryFolder()
    var writer = try CaptureWriter(path: folder.path("out.pcap"), linkType: .raw)
    let byte: [UInt8] = [1]
    for nanoseconds in [-5, .max] as [Int64] {
      try byte.withUnsafeBytes {
        try writer.write(
          $0.baseAddress!, capturedLength: 1, wireLength: 1, timestamp: Timestamp(nanoseconds: nanoseconds))
      }
    }
    try writer.close()
    let seconds = readAll(try CaptureReader(path: folder.path("out.pcap"))).frames.map {
      $0.nanoseconds / 1_000_000_000
    }
    #expect(seconds == [0, Int64(UInt32.max)])
  }

  @Test("a full disk and a folder that is not there are errors")
  func failures() throws {
    do throws(CaptureError) {
      var writer = try CaptureWriter(path: "/dev/full", linkType: .ethernet)
      try writer.flush()
      Issue.record("wrote to a full disk")
    } catch {
      #expect(error.kind == .inputOutput)
      #expect(error.description == "/dev/full: writing: No space left on device")
    }
    do throws(CaptureError) {
      _ = try CaptureWriter(path: "/nowhere/out.pcap", linkType: .ethernet)
      Issue.record("created a file in no folder")
    } catch {
      #expect(error.description == "/nowhere/out.pcap: No such file or directory")
    }
  }
}

@Suite struct PacketFilterTests {
  /// Ethernet, IPv4, TCP from port 1234 to port 80.
  static let ipv4: [UInt8] =
    [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]
    + [0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
    + [0x04, 0xd2, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0]

  static func matches(
    _ expression: String, _ bytes: [UInt8], linkType: UInt16 = 1, wireLength: UInt32? = nil
  ) throws -> Bool {
    let filter = try PacketFilter(expression: expression, linkType: linkType)
    return bytes.withUnsafeBytes {
      filter.matches(
        $0.baseAddress!, capturedLength: UInt32($0.count), wireLength: wireLength ?? UInt32($0.count))
    }
  }

  @Test(
    "expressions take and leave frames",
    arguments: [
      ("", true), ("tcp port 80", true), ("tcp port 81", false), ("udp", false), ("src host 10.0.0.1", true),
      ("ip6", false), ("greater 54", true), ("greater 55", false), ("tcp[tcpflags] & tcp-syn != 0", true),
    ])
  func expressions(expression: String, isMatch: Bool) throws {
    #expect(try Self.matches(expression, Self.ipv4) == isMatch)
  }

  @Test("raw IP has a number of its own in libpcap", arguments: [12, 14, 101] as [UInt16])
  func rawIP(linkType: UInt16) throws {
    #expect(try Self.matches("tcp port 80", Array(Self.ipv4.dropFirst(14)), linkType: linkType))
  }

  @Test("every link type that is read can be filtered", arguments: LinkType.allCases)
  func linkTypes(linkType: LinkType) throws {
    let filter = try PacketFilter(expression: "tcp port 80", linkType: UInt16(linkType.rawValue))
    let byte: [UInt8] = [0]
    #expect(!byte.withUnsafeBytes { filter.matches($0.baseAddress!, capturedLength: 1, wireLength: 60) })
  }

  @Test("the filter looks no further than the captured bytes")
  func truncated() throws {
    for length in 1..<Self.ipv4.count {
      let isMatch = try Self.matches("tcp port 80", Array(Self.ipv4[..<length]), wireLength: 54)
      #expect(isMatch == (length >= 38))
    }
  }

  @Test(
    "a broken expression is one line with the remedy", arguments: ["tcp prot 80", "port", "host 10.0.0.256", "((("])
  func broken(expression: String) {
    do throws(FilterError) {
      _ = try PacketFilter(expression: expression, linkType: 1)
      Issue.record("compiled \(expression)")
    } catch {
      #expect(error.description.hasPrefix("filter \"\(expression)\": "))
      #expect(error.description.hasSuffix("; see pcap-filter(7)"))
      #expect(error.reason.count > 3)
      #expect(!error.description.contains("\n"))
    }
  }

  @Test("filters are compiled on several threads at once")
  func threads() async {
    await withTaskGroup(of: Bool.self) { group in
      for index in 0..<16 {
        group.addTask {
          (0..<50).allSatisfy { round in
            (try? Self.matches("tcp port \(80 + (index + round) % 2)", Self.ipv4)) == ((index + round) % 2 == 0)
          }
        }
      }
      for await isRight in group { #expect(isRight) }
    }
  }
}
