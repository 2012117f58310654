import DualStackTracker
import MOSCore

/// What segments of a flow are made from in an event that has no packet.
struct FlowTemplate: BitwiseCopyable {
  /// In the client's direction.
  var builder: SegmentBuilder
  /// The port at which the client's packets come in.
  var clientIngress: UInt8
}

/// What segments are made from in an event.
struct SegmentTemplate: BitwiseCopyable {
  private let builder: SegmentBuilder
  /// Whose direction the builder has.
  let sender: Side
  /// A segment for the client goes back to where packets come in; one for the server goes back where this does not.
  let isReturnedToClient: Bool

  init(_ builder: SegmentBuilder, sender: Side, isReturnedToClient: Bool) {
    self.builder = builder
    self.sender = sender
    self.isReturnedToClient = isReturnedToClient
  }

  /// A builder of what `sender` sends.
  func builder(of sender: Side) -> SegmentBuilder { sender == self.sender ? builder : builder.reversed }
}

extension EngineCore {
  /// Keeps what segments of a flow are made from, with the first packet of it that serves for that.
  mutating func keepTemplate(_ flow: UInt32, _ sender: Side, _ packet: UnsafePointer<DecodedPacket>) {
    let record = tracker.record(flow)
    if record.pointee.storage != 0, storage.templatePlace(record.pointee.storage).pointee != 0 { return }
    guard packet.pointee.kind == .tcp, let builder = SegmentBuilder(template: packet.pointee) else { return }
    let index = templates.allocate()
    // There is one for each flow.
    precondition(index != 0, "more flows with templates than flows")
    if record.pointee.storage == 0 {
      record.pointee.storage = storage.allocate()
      listen(record)
    }
    let isClient = sender == .client
    templates.pointer(index).initialize(
      to: FlowTemplate(builder: isClient ? builder : builder.reversed, clientIngress: isClient ? ingress : ingress ^ 1))
    storage.templatePlace(record.pointee.storage).pointee = index
  }

  /// What segments are made from in an event: its packet or, without one, what is kept of the flow. Nil for a flow that can
  /// have none.
  func template(_ occurrence: UnsafeMutablePointer<Occurrence>) -> SegmentTemplate? {
    if let packet = occurrence.pointee.packet {
      guard let builder = SegmentBuilder(template: packet.pointee) else { return nil }
      let sender = occurrence.pointee.sender
      return SegmentTemplate(builder, sender: sender, isReturnedToClient: sender == .client)
    }
    let record = occurrence.pointee.record
    guard record.pointee.isTracked, record.pointee.storage != 0 else { return nil }
    let index = storage.templatePlace(record.pointee.storage).pointee
    if index == 0 { return nil }
    let kept = templates.pointer(index).pointee
    return SegmentTemplate(kept.builder, sender: .client, isReturnedToClient: kept.clientIngress == ingress)
  }

  /// Gives back what `keepTemplate` keeps.
  mutating func freeTemplate(of storage: UInt32) {
    let place = self.storage.templatePlace(storage)
    if place.pointee != 0 { templates.free(place.pointee) }
    place.pointee = 0
  }
}
