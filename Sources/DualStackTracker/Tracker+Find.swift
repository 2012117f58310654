import MOSCore

/// Flows by their addresses, without a packet of theirs.
extension Tracker {
  /// The flow with this key in either direction, 0 when there is none: for what quotes another flow's packets, as ICMP
  /// errors do.
  public mutating func flow(of key: FlowKey) -> UInt32 {
    withUnsafePointer(to: key) { key in
      var packet = DecodedPacket(frame: UnsafeRawPointer(key))
      packet.key = key.pointee
      packet.ipVersion = key.pointee.source.isV4 ? 4 : 6
      prepare(&packet)
      let base = records.base
      let mask = keyMask
      return withUnsafePointer(to: packet) { packet in
        table.find(packet.pointee.hash) { Tracker.match(base + Int($0), packet, mask) != nil }
      }
    }
  }
}
