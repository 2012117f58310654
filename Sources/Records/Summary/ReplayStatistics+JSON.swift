import DualStackTracker
import MOSCore

extension ReplayStatistics {
  /// The one object that `--stats json` prints, with a line feed. Counts of zero are there too. `boxes` is what each
  /// middlebox says for itself.
  public func appendJSON(to text: inout RecordText, boxes: [MiddleboxSummary] = []) {
    text.beginObject()
    text.member("packets", packets)
    text.member("bytes", bytes)
    text.key("packet_kinds")
    appendCounts(NameTable.packetKinds, PacketKind.allCases.map { self[$0] }, &text)
    text.key("flows")
    text.beginObject()
    for (name, count) in tracker.flows { text.member(name, count) }
    text.endObject()
    text.key("events")
    appendCounts(NameTable.events, EventKind.allCases.map { self[$0] }, &text)
    text.key("anomalies")
    appendCounts(NameTable.anomalies, Anomaly.allCases.map { self[$0] }, &text)
    text.key("payload_bytes")
    text.beginObject()
    for (name, bytes) in tracker.payload { text.member(name, bytes) }
    text.endObject()
    text.member("orphan_packets", tracker.orphanPackets)
    text.member("closed", tracker.closedFlows)
    text.member("dropped", dropped)
    text.member("malformed", malformed)
    text.member("evicted", tracker.evictedFlows)
    text.key("seconds")
    text.append(seconds: Int64(clamping: elapsedNanoseconds), decimals: 9)
    text.member("packets_per_second", packetsPerSecond)
    text.member("peak_rss_bytes", peakAnonymousBytes)
    text.member("workers", workers)
    if loops > 1 || fastestLoopNanoseconds > 0 {
      text.member("loops", loops)
      text.key("ns_per_packet")
      text.append(thousandths: picosecondsPerPacket)
      text.key("ns_per_packet_min")
      text.append(thousandths: fastestPicosecondsPerPacket)
    }
    if let middleboxes {
      text.key("middleboxes")
      text.beginObject()
      for (name, count) in middleboxes.counters {
        text.member(name: SummaryLines.words(name).joined(separator: "_"), count)
      }
      text.key("boxes")
      text.beginArray()
      for box in boxes { box.appendJSON(to: &text) }
      text.endArray()
      text.endObject()
    }
    text.endRecord()
  }

  private func appendCounts(_ names: NameTable, _ counts: [UInt64], _ text: inout RecordText) {
    text.beginObject()
    for (index, count) in counts.enumerated() { text.member(names, UInt8(index), count) }
    text.endObject()
  }
}

extension EVE {
  /// Appends a `stats` record as of `timestamp`. Its `uptime` is packet time since `start`, in seconds.
  public static func append(
    stats: ReplayStatistics, start: Timestamp, timestamp: Timestamp, to text: inout RecordText
  ) {
    appendHeader(timestamp, "stats", nil, packet: 0, &text)
    text.key("stats")
    text.beginObject()
    text.member("uptime", UInt64(max(0, timestamp.since(start) / 1_000_000_000)))
    text.key("decoder")
    text.beginObject()
    text.member("pkts", stats.packets)
    text.member("bytes", stats.bytes)
    text.member("invalid", stats.malformed)
    text.member("tcp", stats[PacketKind.tcp])
    text.member("udp", stats[PacketKind.udp])
    text.member("icmpv4", stats[PacketKind.icmp])
    text.member("icmpv6", stats[PacketKind.icmpv6])
    text.member("arp", stats[PacketKind.arp])
    text.endObject()
    text.key("flow")
    text.beginObject()
    for (name, count) in stats.tracker.flows { text.member(name, count) }
    text.endObject()
    text.key("tcp")
    text.beginObject()
    text.member("sessions", stats.tracker.tcpFlows)
    text.member("invalid_checksum", stats[Anomaly.tcpChecksumInvalid])
    text.member("reassembly_gap", stats[EventKind.gap])
    text.member("overlap_diff_data", stats[EventKind.overlapConflict])
    text.endObject()
    text.endObject()
    text.endRecord()
  }
}
