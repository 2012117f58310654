import MOSCore

/// Something that a middlebox reported, or that is to be said about one of its handlers.
public struct Report: Sendable {
  /// The middlebox.
  public var middlebox: String
  /// Packet time.
  public var time: Timestamp
  /// The flow, the client as source; `nil` outside of any.
  public var flow: FlowKey?
  /// Outside of any flow: addresses, ports and protocol of the packet, its source first; `nil` without a packet of IP.
  public var packetKey: FlowKey?
  /// Time and number of the flow's first packet, which name it among all flows of a trace.
  public var flowStart: (time: Timestamp, packet: UInt64)
  /// The packet's number in the trace; 0 without one.
  public var packet: UInt64
  /// What it says.
  public var text: String
  /// What a signature found, where that is what it says.
  public var alert: Alert?
  /// What each side of the flow has sent so far, in packets of IP; `nil` outside of any.
  public var sent: (client: FrameCount, server: FrameCount)?

  /// A report from its parts.
  public init(
    middlebox: String, time: Timestamp, flow: FlowKey?, packetKey: FlowKey?,
    flowStart: (time: Timestamp, packet: UInt64), packet: UInt64, text: String, alert: Alert? = nil,
    sent: (client: FrameCount, server: FrameCount)? = nil
  ) {
    self.middlebox = middlebox
    self.time = time
    self.flow = flow
    self.packetKey = packetKey
    self.flowStart = flowStart
    self.packet = packet
    self.text = text
    self.alert = alert
    self.sent = sent
  }
}

/// What was counted about middleboxes.
public struct EngineStatistics: BitwiseCopyable, Sendable, Equatable {
  /// Reports that were made.
  public var reports: UInt64 = 0
  /// User-defined events that were raised.
  public var raised: UInt64 = 0
  /// User-defined events that were not raised because they were too deep inside of each other, or too many for a packet.
  public var cutOff: UInt64 = 0
  /// Packets that passed all filters.
  public var forwarded: UInt64 = 0
  /// Fragments that waited until their datagram was complete, for a middlebox that needs it as a whole; those of datagrams
  /// that were never complete among them. The last one is counted as what becomes of the datagram.
  public var awaitedFragments: UInt64 = 0
  /// Packets that waited for a middlebox's decision; they are counted as forwarded or dropped when it has come.
  public var held: UInt64 = 0
  /// Those of them, and others, that went on undecided because no more could wait (`EventEngine.passesWhatCannotWait`).
  public var passedUndecided: UInt64 = 0
  /// Packets that middleboxes made.
  public var injected: UInt64 = 0
  /// Those of them that other middleboxes dropped on their way.
  public var injectedDropped: UInt64 = 0
  /// Packets that a filter dropped.
  public var dropped: UInt64 = 0
  /// Packets of flows with changed streams that could not be translated (fragments, tunnels), and so were dropped.
  public var untranslated: UInt64 = 0
  /// Changes of a stream's length that were asked for too late, or for which there was no room.
  public var refusedEdits: UInt64 = 0
  /// Timers that went off.
  public var timers: UInt64 = 0
  /// Bytes that were dropped before a reader had read them, because more waited than its limit: for each such reader, the
  /// gaps between them included.
  public var unreadBytes: UInt64 = 0
  /// The same where there was no memory to keep them.
  public var unkeptBytes: UInt64 = 0

  /// Nothing counted.
  public init() {}
}

extension EngineStatistics {
  /// Every counter by its name.
  public var counters: [(name: String, count: UInt64)] {
    Mirror(reflecting: self).children.compactMap { child in
      guard let name = child.label, let count = child.value as? UInt64 else { return nil }
      return (name, count)
    }
  }

  /// What two engines counted together.
  public static func + (left: EngineStatistics, right: EngineStatistics) -> EngineStatistics {
    var sum = left
    withUnsafeMutableBytes(of: &sum) { sum in
      withUnsafeBytes(of: right) { right in
        // There are counters in it and nothing else.
        let (sum, right) = (sum.bindMemory(to: UInt64.self), right.bindMemory(to: UInt64.self))
        for index in sum.indices { sum[index] &+= right[index] }
      }
    }
    return sum
  }
}
