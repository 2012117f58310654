/// The handlers of one `Subscription`.
@usableFromInline
struct SubscriptionGroup: BitwiseCopyable {
  /// Bits of the handlers, in one word of a flow's subscriptions.
  @usableFromInline let mask: UInt64
  @usableFromInline let word: UInt32
  /// That is all: there are no handlers in other words, and no definitions above them.
  @usableFromInline let isSimple: Bool
  let handlers: DispatchList
  /// Definitions above its handlers.
  let firstDefinition: UInt32
  let definitionCount: UInt32

  init(handlers: DispatchList, firstDefinition: UInt32, definitionCount: UInt32) {
    mask = handlers.mask
    word = UInt32(handlers.word)
    isSimple = handlers.moreCount == 0 && definitionCount == 0
    self.handlers = handlers
    self.firstDefinition = firstDefinition
    self.definitionCount = definitionCount
  }
}
