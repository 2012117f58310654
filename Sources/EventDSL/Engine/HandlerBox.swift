// Unsafe: takes the kind of event away from a handler's type. Invariant: an `Event` is one pointer whatever its `Kind`, so that
// functions of events of all kinds are called in the same way; and a handler is only called with events of its own kind.

/// A handler.
struct Handler<Kind> {
  let body: (borrowing Event<Kind>) -> Void

  init(_ body: @escaping (borrowing Event<Kind>) -> Void) { self.body = body }

  /// The same for a table of handlers of all kinds. Another closure around it would cost as much as a handler does.
  var withoutKind: Handler<Never> { unsafeBitCast(self, to: Handler<Never>.self) }
}

/// A handler in the table of handlers.
///
/// Not copyable, and called through a method that borrows it: so that nothing retains the closure on the way.
struct HandlerBox: ~Copyable {
  private let handler: Handler<Never>

  init(_ handler: Handler<Never>) { self.handler = handler }

  @inline(__always)
  borrowing func call(_ occurrence: UnsafeMutablePointer<Occurrence>) { handler.body(Event(occurrence)) }
}

/// The handlers of one event of one middlebox whose bits are in one word of a flow's subscriptions; and where those of the
/// same event in other words, and of other middleboxes, follow.
struct DispatchList: BitwiseCopyable {
  /// The handlers' bits; 0 when nobody waits for the event.
  var mask: UInt64 = 0
  /// The handler that bit 0 of the word stands for.
  var firstNode: UInt32 = 0
  /// Where the further ones begin.
  var firstMore: UInt32 = 0
  /// How many further ones there are; and, in the highest bit, that middleboxes have wishes.
  private var further: UInt32 = 0
  /// The word.
  var word: UInt16 = 0
  /// Their middlebox.
  var box: UInt16 = 0

  init() {}

  init(word: Int, box: Int) {
    self.word = UInt16(word)
    self.box = UInt16(box)
    firstNode = UInt32(word) * 64
  }

  /// How many further ones there are.
  var moreCount: UInt32 {
    get { further & 0x7fff_ffff }
    set { further = further & 0x8000_0000 | newValue }
  }
  /// There are no further ones, and no wishes.
  @inline(__always) var isPlain: Bool { further == 0 }
  /// Whether the event is heard goes by what middleboxes wish.
  var asksWishes: Bool {
    get { further & 0x8000_0000 != 0 }
    set { further = moreCount | (newValue ? 0x8000_0000 : 0) }
  }

  @inline(__always) var isEmpty: Bool { mask == 0 }

  /// The only handler, which flows listen to at first by `initialBits`; nil where that is not so.
  func soleHandler(_ initialBits: [UInt64]) -> UInt32? {
    guard isPlain, mask.nonzeroBitCount == 1, mask & initialBits[Int(word)] != 0 else { return nil }
    return firstNode + UInt32(mask.trailingZeroBitCount)
  }
}
