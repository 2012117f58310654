import MOSCore

/// Leaving out the events of sides that are not monitored. Nobody else pays for it: they are left out of a step that is
/// done.
extension Tracker {
  /// A side of `record`'s flow is not monitored.
  @inline(__always)
  func isMuted(_ record: UnsafeMutablePointer<FlowRecord>) -> Bool {
    record.pointee.traits.rawValue & FlowTraits.mutedOfEither.rawValue != 0
  }

  /// Leaves out what the current packet's step at `hook` brought of the sides that are not monitored.
  @inline(never)
  mutating func mute(_ record: UnsafeMutablePointer<FlowRecord>, _ hook: Hook) {
    let sender = record.pointee.isMonitored(current.sender)
    let receiver = record.pointee.isMonitored(current.sender.peer)
    if !(hook == .sender ? sender : receiver) { leaveOutStep() }
    // A packet whose sender's step was told is no less told by the receiver's.
    leaveOut(record, isTold: sender || (hook == .receiver && receiver))
  }

  /// The same for both steps at once.
  @inline(never)
  mutating func muteBothSteps(_ record: UnsafeMutablePointer<FlowRecord>) {
    let client = record.pointee.isMonitored(.client)
    let server = record.pointee.isMonitored(.server)
    if !client { leaveOutStep() }
    if !server { leaveOutStep() }
    leaveOut(record, isTold: client || server)
  }

  private mutating func leaveOutStep() {
    events.uncountPacket()
    statistics.unmonitoredSteps &+= 1
  }

  private mutating func leaveOut(_ record: UnsafeMutablePointer<FlowRecord>, isTold: Bool) {
    events.leaveOut(
      client: !record.pointee.isMonitored(.client), server: !record.pointee.isMonitored(.server), isTold: isTold)
  }
}
