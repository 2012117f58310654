import DualStackTracker

/// Where in a program's text something stands.
@usableFromInline
struct SourcePlace {
  var fileID: StaticString
  var line: UInt

  @usableFromInline init(_ fileID: StaticString, _ line: UInt) {
    self.fileID = fileID
    self.line = line
  }
}

/// What a handler or definition waits for.
@usableFromInline
enum Trigger: Hashable {
  case builtIn(BuiltInTrigger, Hook?)
  case userEvent(UInt32)
  case flowTimer(UInt32)
  case boxTimer(UInt32)
}

/// One handler or definition, as its middlebox declares it.
struct NodeDescription {
  var trigger: Trigger
  /// The switch that turns it on and off.
  var subscription: UInt32?
  /// The event that a definition defines.
  var defines: UInt32?
  /// Whether it can drop and change packets.
  var acts: Bool
  var place: SourcePlace
  /// The middlebox's place in the row.
  var box = 0
  var handler: Handler<Never>

  init(
    trigger: Trigger, subscription: UInt32? = nil, defines: UInt32? = nil, acts: Bool = false,
    place: SourcePlace,
    handler: Handler<Never>
  ) {
    self.trigger = trigger
    self.subscription = subscription
    self.defines = defines
    self.acts = acts
    self.place = place
    self.handler = handler
  }
}
