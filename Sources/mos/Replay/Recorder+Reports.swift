import EventDSL
import MOSCore
import Records

extension Recorder {
  /// Takes what middleboxes reported, in the order in which they did.
  mutating func write(_ reports: [Report]) {
    for report in reports {
      let (key1, key2) = Recorder.key(report)
      if streams.eve {
        EVE.append(report: report, hasCommunityID: streams.communityIDs, to: &eveBlock.text)
        eveBlock.commit(key1: key1, key2: key2)
      } else if streams.reportLines {
        ReportLines.append(report, to: &reportBlock.text)
        reportBlock.commit(key1: key1, key2: key2)
      }
    }
  }

  /// Where a report belongs: to its packet; without one behind all packets of the epoch, by its time and then by the
  /// flow's first packet.
  private static func key(_ report: Report) -> (UInt64, UInt64) {
    if report.packet > 0 { return (report.packet, 0) }
    return (1 << 63 | UInt64(clamping: report.time.nanoseconds), report.flow == nil ? 0 : report.flowStart.packet)
  }
}
