import DualStackTracker
import MOSCore

/// What happens to one packet, told step by step.
extension EventEngine {
  /// Takes the only packet of a prepared burst as `process(_:wanted:)` does, and follows it. `true` when it has an
  /// event in `wanted`. What is taken until `takeExplanation` belongs to it: flows that it ended, segments that it
  /// caused.
  public mutating func explain(_ burst: inout PacketBurst, wanted: EventSet) -> Bool {
    precondition(burst.count == 1 && explainer == nil, "one packet is explained at a time")
    let explainer = Explainer(core, UnsafePointer(burst.packets))
    self.explainer = explainer
    let hasEvent = EngineLoop.process(core, &burst, wanted: .all)
    explainer.take(burst.flow)
    return hasEvent && core.pointee.tracker.events.set.rawValue & wanted.rawValue != 0
  }

  /// What happened to the packet that was given to `explain`, as lines of text; empty when there was none.
  public mutating func takeExplanation() -> [String] {
    defer { explainer = nil }
    return explainer?.finish() ?? []
  }
}
