import DualStackTracker

/// A reader of the bytes that one side of a flow receives, with a cursor of its own in every flow: mOS's `mtcp_peek` and
/// `mtcp_ppeek`.
///
/// Declared as a stored property of a middlebox. In a handler, `event.flow.read(key) { … }` gives what is there from the
/// cursor on, in the order of the stream: bytes, gaps, and what was dropped. Bytes that are consumed in the handlers of
/// the `newData` that brought them are never copied; the rest is kept, in memory that all readers of the same bytes share.
/// Where no reader is declared, or all are stopped for a flow, nothing is kept.
///
///     let requests = StreamReader(of: .server)             // until they are read, at most 65,536 bytes
///     let tail = StreamReader(of: .client, last: 4_096)    // the last bytes, read or not, also at connectionEnd
///
/// What is kept of a flow can be read up to its `connectionEnd`; then the memory is given back.
@frozen
public struct StreamReader: MiddleboxKey, BitwiseCopyable, Sendable {
  /// The process's number of the key.
  public let number: UInt32
  /// The side that receives the bytes.
  public let side: Side
  /// Whether flows are read from the beginning.
  public let isOn: Bool
  /// The last bytes are kept whether they have been read or not.
  public let keepsLast: Bool
  /// How many bytes are kept.
  public let limit: UInt64

  /// Keeps bytes until this reader has consumed them, at most `limit` bytes: then the oldest are dropped, and the reader is
  /// told how many. Where several readers share a stream, the largest limit of those that have not read it all is what
  /// counts.
  public init(of side: Side, limit: Int = 65_536, isOn: Bool = true) {
    self.init(side, limit, keepsLast: false, isOn: isOn)
  }

  /// Keeps the last `count` bytes, whether they have been read or not: for reading by offset, and at the flow's end.
  public init(of side: Side, last count: Int, isOn: Bool = true) {
    self.init(side, count, keepsLast: true, isOn: isOn)
  }

  private init(_ side: Side, _ limit: Int, keepsLast: Bool, isOn: Bool) {
    number = KeyNumber.next()
    self.side = side
    self.isOn = isOn
    self.keepsLast = keepsLast
    self.limit = UInt64(max(0, limit))
  }

  /// Reserves the cursor's place in every flow's storage.
  public func declare(in registry: inout Registry, name: String) { registry.declare(self, name: name) }
}
