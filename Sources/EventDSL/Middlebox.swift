import MOSCore

/// A middlebox: its keys as stored properties, and what it does when which event happens.
///
///     struct Greeter: Middlebox {
///       let seen = FlowLocal(UInt64(0))
///
///       var events: some EventGraph {
///         On(.newData) { event in event.flow[seen] += event.length }
///         On(.connectionEnd) { event in event.report("\(event.flow[seen]) bytes") }
///       }
///     }
///
/// An engine evaluates `events` once, at its start. Handlers may capture what they like; engines of several workers run
/// them at the same time, so what they share is theirs to guard.
public protocol Middlebox {
  /// What `events` evaluates to.
  associatedtype Events: EventGraph
  /// What is done when which event happens. Handlers of the same event run in the order in which they stand here.
  @EventGraphBuilder var events: Events { get }
  /// The name in reports and counters; the type's unless another is given.
  var name: String { get }
  /// A pcap-filter expression: the flows that the middlebox sees. It is evaluated for a flow's first packet. All flows
  /// unless one is given.
  var flowFilter: String? { get }
  /// The same for TCP packets without a flow (`orphan`), evaluated for each of them.
  var orphanFilter: String? { get }
  /// Which of `workers` workers, from 0 on, a packet belongs to; nil for any. Where there are several, flows are spread over
  /// them by a hash of their keys, and a middlebox whose packets' keys are not their flow's, as behind address translation,
  /// says here where they have to go. Of several middleboxes the first that says something is asked.
  ///
  /// It is called by whoever takes packets in, while the workers run: it may read only what does not change.
  func worker(of packet: borrowing PacketView, among workers: Int) -> Int?
  /// Whether `worker(of:among:)` says something: then one thread has to spread the packets. `false` unless it is implemented.
  var choosesWorkers: Bool { get }
  /// Whether the middlebox can do nothing with a fragment, only with the datagram that it is a part of: in an engine with
  /// filters the fragments of such a datagram wait until all have come, and it passes the middleboxes as one packet, which
  /// can be changed, and leaves in fragments again, none longer than those that came.
  ///
  /// It goes by addresses: a fragment has nothing else for certain, and the answer must be the same for all of a datagram.
  /// How many datagrams wait, and for how long, is the decoder's (`DecoderConfiguration`). `false` unless it is implemented.
  func needsDatagram(of fragment: borrowing PacketView) -> Bool
  /// What it says at the end of a run. `boxes` are the same middlebox in the engines of all workers, which have ended;
  /// what they counted is to be added up. Nothing unless it is implemented.
  static func summary(of boxes: [Self]) -> Summary?
}

extension Middlebox {
  /// The type's name.
  public var name: String { "\(Self.self)" }
  /// Every flow.
  public var flowFilter: String? { nil }
  /// Every orphan.
  public var orphanFilter: String? { nil }
  /// Any.
  public func worker(of packet: borrowing PacketView, among workers: Int) -> Int? { nil }
  /// No.
  public var choosesWorkers: Bool { false }
  /// Fragments pass as they are.
  public func needsDatagram(of fragment: borrowing PacketView) -> Bool { false }
  /// Nothing.
  public static func summary(of boxes: [Self]) -> Summary? { nil }
}

extension Middlebox {
  /// The same for a packet that was decoded and is on its way to a worker.
  public func worker(of packet: UnsafePointer<DecodedPacket>, among workers: Int) -> Int? {
    worker(of: PacketView(packet), among: workers)
  }
}

/// Handlers and definitions of events.
public protocol EventGraph {
  /// Tells an engine, at its start, what there is.
  func declare(in registry: inout Registry)
}

/// Puts the parts of an event graph together.
@resultBuilder
public enum EventGraphBuilder {
  /// The parts one after the other.
  public static func buildBlock(_ parts: any EventGraph...) -> EventGraphList { EventGraphList(parts) }
  /// The parts if a condition holds.
  public static func buildOptional(_ part: EventGraphList?) -> EventGraphList { part ?? EventGraphList([]) }
  /// One of two alternatives.
  public static func buildEither(first part: EventGraphList) -> EventGraphList { part }
  /// The other of two alternatives.
  public static func buildEither(second part: EventGraphList) -> EventGraphList { part }
  /// The parts of a loop.
  public static func buildArray(_ parts: [EventGraphList]) -> EventGraphList { EventGraphList(parts) }
}

/// Several parts of an event graph in their order.
public struct EventGraphList: EventGraph {
  private let parts: [any EventGraph]

  init(_ parts: [any EventGraph]) { self.parts = parts }

  /// Tells an engine of each part.
  public func declare(in registry: inout Registry) {
    for part in parts { part.declare(in: &registry) }
  }
}
