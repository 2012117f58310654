import Foundation
import MOSCore
import PacketIO
import Testing

/// tshark as the judge of frames that were built and changed here.
@Suite("Frames made here, as tshark reads them")
struct BuiltFrameTests {
  static let tshark = "/usr/bin/tshark"

  /// A segment without payload and with checksums of 0, in an Ethernet frame with a VLAN tag: a template only.
  static func template(isV6: Bool) -> [UInt8] {
    let ethernet: [UInt8] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 9] + (isV6 ? [0x86, 0xdd] : [8, 0])
    let ip: [UInt8] =
      isV6
      ? [0x60, 0, 0, 0, 0, 20, 6, 64, 0x20, 1, 0xd, 0xb8] + .init(repeating: 0, count: 11) + [1, 0x20, 1, 0xd, 0xb8]
        + .init(repeating: 0, count: 11) + [2]
      : [0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
    return ethernet + ip + [0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 1, 0, 0, 0, 0, 0]
  }

  static func decode(_ frame: UnsafeRawBufferPointer) -> DecodedPacket {
    var decoder = PacketDecoder(configuration: DecoderConfiguration())
    var packet = DecodedPacket(frame: frame.baseAddress!)
    decoder.decode(
      CapturedFrame(
        bytes: frame.baseAddress!, capturedLength: UInt32(frame.count), wireLength: UInt32(frame.count),
        timestamp: Timestamp(nanoseconds: 0), linkType: .ethernet), number: 1, into: &packet)
    return packet
  }

  /// Builds the five kinds of segment in both directions, and changes the one with text.
  static func write(_ isV6: Bool, to writer: inout CaptureWriter, buffer: UnsafeMutableRawBufferPointer) throws {
    let builder = try #require(template(isV6: isV6).withUnsafeBytes { SegmentBuilder(template: decode($0)) })
    let text: [UInt8] = Array("0123456789".utf8)
    for direction in [builder, builder.reversed] {
      for segment: TCPSegment in [
        .reset(sequence: 7), .reset(sequence: 0, acknowledgment: 8),
        .acknowledgment(sequence: 9, acknowledgment: 10, window: 11),
        .finish(sequence: 12, acknowledgment: 13, window: 14), .data(sequence: 15, acknowledgment: 16, window: 17),
      ] {
        let isText = segment.flags == [.psh, .ack]
        let built = (isText ? text : []).withUnsafeBytes { direction.build(segment, payload: $0, into: buffer) }
        let length = UInt32(try #require(built))
        try writer.write(
          buffer.baseAddress!, capturedLength: length, wireLength: length, timestamp: Timestamp(nanoseconds: 1))
      }
    }
    var editor = PacketEditor(buffer: buffer)
    let packet = decode(UnsafeRawBufferPointer(rebasing: buffer[..<builder.frameLength(payloadLength: text.count)]))
    #expect(editor.load(packet) == .done)
    #expect([UInt8]("abc".utf8).withUnsafeBytes { editor.insertPayload(at: 3, $0, mtu: 1500) } == .done)
    #expect(editor.setSequence(99) == .done)
    #expect(editor.setSource(isV6 ? IPAddress(high: 1, low: 3) : IPAddress(v4: 0x0a00_0009)) == .done)
    let length = UInt32(editor.frameLength)
    try writer.write(
      buffer.baseAddress!, capturedLength: length, wireLength: length, timestamp: Timestamp(nanoseconds: 2))
  }

  @Test(
    "all checksums and lengths are right, and the fields are those that were asked for",
    .enabled(if: FileManager.default.isExecutableFile(atPath: tshark), "tshark is not in /usr/bin: skipped"))
  func tsharkAgrees() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("built-\(UUID().uuidString).pcap")
    defer { try? FileManager.default.removeItem(at: file) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2048, alignment: 16)
    defer { buffer.deallocate() }
    var writer = try CaptureWriter(path: file.path, linkType: .ethernet)
    for isV6 in [false, true] { try Self.write(isV6, to: &writer, buffer: buffer) }
    try writer.close()

    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.tshark)
    process.arguments =
      ["-r", file.path, "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-T", "fields"]
      + ["-o", "tcp.relative_sequence_numbers:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE"]
      + [
        "ip.checksum.status", "tcp.checksum.status", "vlan.id", "eth.src", "tcp.srcport", "tcp.seq_raw", "tcp.ack_raw",
      ]
      .flatMap { ["-e", $0] }
      + ["tcp.flags", "tcp.window_size_value", "tcp.payload"].flatMap { ["-e", $0] }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()

    var expected: [String] = []
    let text = "30313233343536373839"
    for ip in ["1", ""] {
      for (source, port) in [("02:00:00:00:00:01", "40000"), ("02:00:00:00:00:02", "80")] {
        for fields in [
          "7\t0\t0x0004\t0\t", "0\t8\t0x0014\t0\t", "9\t10\t0x0010\t11\t", "12\t13\t0x0011\t14\t",
          "15\t16\t0x0018\t17\t" + text,
        ] {
          expected.append("\(ip)\t1\t9\t\(source)\t\(port)\t\(fields)")
        }
      }
      expected.append("\(ip)\t1\t9\t02:00:00:00:00:02\t80\t99\t16\t0x0018\t17\t30313261626333343536373839")
    }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    #expect(lines == expected)
  }
}
