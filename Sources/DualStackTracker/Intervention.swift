import MOSCore
import MTCP

/// What was done to a connection on its way between the ends, and what was set for it alone. Few connections have any, so
/// it lies in a slab of its own, from the first such thing to the connection's end.
struct Intervention: BitwiseCopyable {
  /// The same for each of the two ends.
  var client = EndIntervention()
  var server = EndIntervention()

  init() {}
}

/// What was done to, or set for, one end of a connection.
struct EndIntervention: BitwiseCopyable {
  /// Numbers that this end sent and that were dropped, the ones between them included, when the connection has
  /// `ConnectionTraits.dropped` of it. The peer may have been sent them again since.
  var droppedStart = SequenceNumber(0)
  var droppedEnd = SequenceNumber(0)
  /// Where its FIN lies ahead of a hole, in its receiver's numbers, when the connection is `ConnectionTraits.translated` and
  /// the end's `EndpointTraits.finAhead` is set.
  var finAhead = SequenceNumber(0)
  /// Memory for bytes that wait for it, `.max` for that of the configuration.
  var bufferLimit = UInt32.max
  /// The raw value of its `OverlapPolicy` and 1; 0 before it was looked up.
  var policy: UInt8 = 0
  /// Its state before the RST that was dropped, when the connection has `ConnectionTraits.aborted` of it.
  var stateBeforeReset: TCPState = .closed

  init() {}
}

/// What is unusual about a connection because of what was done to it.
struct ConnectionTraits: OptionSet, BitwiseCopyable {
  var rawValue: UInt8
  /// Something that this side sent was dropped, and may come again.
  static func dropped(_ side: Side) -> ConnectionTraits { .init(rawValue: 1 &<< side.rawValue) }
  /// This side sent a RST that the receiver would have taken and that was dropped: it is closed, unless somebody else
  /// sent the RST, which shows when it goes on.
  static func aborted(_ side: Side) -> ConnectionTraits { .init(rawValue: 4 &<< side.rawValue) }
  /// Its ends count in different numbers.
  static var translated: ConnectionTraits { .init(rawValue: 16) }
  /// This side's reassembly is off.
  static func unassembled(_ side: Side) -> ConnectionTraits { .init(rawValue: 32 &<< side.rawValue) }
  /// `unassembled` of both sides.
  static var unassembledOfEither: ConnectionTraits { .init(rawValue: 96) }
  /// Those that packets bring about.
  static var ofPackets: ConnectionTraits { .init(rawValue: 15) }
  /// `dropped` of both sides.
  static var droppedOfEither: ConnectionTraits { .init(rawValue: 3) }
}

extension UnsafeMutablePointer where Pointee == Intervention {
  /// What concerns one end, in place.
  @inline(__always) func end(_ side: Side) -> UnsafeMutablePointer<EndIntervention> {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: EndIntervention.self) + Int(side.rawValue)
  }
}

extension Tracker {
  /// The connection's intervention, begun if there is none; nil when the slab is full.
  mutating func intervention(
    of connection: UnsafeMutablePointer<Connection>
  ) -> UnsafeMutablePointer<Intervention>? {
    if connection.pointee.intervention == 0 {
      let index = interventions.allocate()
      if index == 0 { return nil }
      interventions.pointer(index).initialize(to: Intervention())
      connection.pointee.intervention = index
    }
    return interventions.pointer(connection.pointee.intervention)
  }

  /// Gives the connection's intervention back, if it has one.
  mutating func releaseIntervention(_ connection: UnsafeMutablePointer<Connection>) {
    guard connection.pointee.intervention != 0 else { return }
    interventions.free(connection.pointee.intervention)
    connection.pointee.intervention = 0
    connection.pointee.traits = []
  }
}
