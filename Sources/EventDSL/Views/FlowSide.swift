import DualStackTracker
import MOSCore
import MTCP

/// One end of a flow. Valid while the handler runs.
public struct FlowSide: ~Copyable {
  @usableFromInline let occurrence: UnsafeMutablePointer<Occurrence>
  @usableFromInline let side: Side

  @inlinable init(_ occurrence: UnsafeMutablePointer<Occurrence>, _ side: Side) {
    self.occurrence = occurrence
    self.side = side
  }

  /// The state of the side's stack, one of the eleven of RFC 9293 3.3.2, as of the event.
  @inlinable public var state: TCPState { TCPState(rawValue: counters.state) ?? .closed }
  /// What was counted of this side so far.
  @inlinable public var counters: EndpointCounters { occurrence.pointee.record.pointee[side] }

  /// The address, by the flow's key.
  @inlinable public var address: IPAddress {
    side == .client ? occurrence.pointee.record.pointee.key.source : occurrence.pointee.record.pointee.key.destination
  }
  /// The port, by the flow's key; for ICMP what stands for it.
  @inlinable public var port: UInt16 {
    let key = occurrence.pointee.record.pointee.key
    return side == .client ? key.sourcePort : key.destinationPort
  }
  /// The MAC address of the side's host, or of the router before it, by the packet of the event; nil where that is no
  /// Ethernet frame, and without a packet.
  @inlinable public var macAddress: MACAddress? {
    guard let packet = occurrence.pointee.packet else { return nil }
    let view = PacketView(packet)
    return side == occurrence.pointee.sender ? view.macSource : view.macDestination
  }
}
