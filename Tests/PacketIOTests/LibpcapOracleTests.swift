import CPcap
import Foundation
import MOSCore
import PacketIO
import TestSupport
import Testing

/// libpcap's own reader, as an independent opinion on what a capture holds.
@Suite struct LibpcapOracleTests {
  struct Opinion {
    var frames: [FrameCopy] = []
    var linkType: Int32 = 0
    var message: String?
  }

  static func read(_ path: String) -> Opinion? {
    var text = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
    guard
      let handle = pcap_open_offline_with_tstamp_precision(path, UInt32(PCAP_TSTAMP_PRECISION_NANO), &text)
    else { return nil }
    defer { pcap_close(handle) }
    var opinion = Opinion(linkType: pcap_datalink(handle))
    var header: UnsafeMutablePointer<pcap_pkthdr>?
    var data: UnsafePointer<UInt8>?
    while true {
      let status = pcap_next_ex(handle, &header, &data)
      if status == PCAP_ERROR { opinion.message = String(cString: pcap_geterr(handle)) }
      guard status == 1, let header, let data else { return opinion }
      // libpcap takes the seconds of pcap files as signed; the format's description has them unsigned.
      var seconds = Int64(header.pointee.ts.tv_sec)
      if seconds < 0 { seconds += 1 << 32 }
      opinion.frames.append(
        FrameCopy(
          bytes: [UInt8](UnsafeBufferPointer(start: data, count: Int(header.pointee.caplen))),
          wireLength: max(header.pointee.len, header.pointee.caplen),
          nanoseconds: seconds * 1_000_000_000 + Int64(header.pointee.ts.tv_usec)))
    }
  }

  @Test(
    "the shared captures are among those compared",
    .enabled(if: SharedMaterial.folder != nil, "no folder of shared captures: set MOS_SHARED"))
  func sharedMaterial() {
    #expect(SharedMaterial.captures().count > 250)
  }

  @Test("every capture at hand has the frames that libpcap sees", arguments: SharedMaterial.captures())
  func sameFrames(path: String) throws {
    let opinion = try #require(Self.read(path), "libpcap does not open \(path)")
    let ours = readAll(try CaptureReader(path: path))
    #expect(ours.packetsRead == UInt64(ours.frames.count))
    // libpcap refuses to go on at an interface of a second link type, we do not.
    let common = opinion.message?.contains("interface") == true ? opinion.frames.count : ours.frames.count
    #expect(opinion.frames.count == common)
    #expect(ours.frames.count >= common)
    #expect((opinion.message == nil) == (ours.errors.isEmpty) || common < ours.frames.count)
    for (index, (left, right)) in zip(ours.frames, opinion.frames).enumerated() {
      var left = left
      left.linkType = .ethernet
      if left != right {
        Issue.record(
          "packet \(index + 1): \(left.bytes.count) bytes at \(left.nanoseconds), libpcap has \(right.bytes.count) at \(right.nanoseconds)"
        )
        return
      }
    }
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(readAll([UInt8](whole), capacity: 1) == ours)
  }
}
