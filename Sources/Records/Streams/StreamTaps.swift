import DualStackTracker
import MOSCore

/// What is done with the bytes of all streams: digests, files, both or nothing, under one index for a flow, which the
/// caller keeps in `FlowRecord.attachment`.
public struct StreamTaps: ~Copyable {
  private var digests: StreamDigests?
  private var extractor: StreamExtractor?

  /// Digests if `hasDigests`, and files if there is an extractor.
  public init(hasDigests: Bool, extractor: consuming StreamExtractor?) {
    digests = hasDigests ? StreamDigests() : nil
    self.extractor = extractor
  }

  /// Whether anybody wants bytes; if not, no flow needs an index.
  public var isActive: Bool { digests != nil || extractor != nil }

  /// The extractor's first failure, if there was one.
  public var error: OutputError? {
    switch extractor {
    case .some(let extractor): extractor.error
    case .none: nil
    }
  }

  /// A new flow's index, never 0. `key` has the client as source.
  public mutating func attach(_ key: FlowKey) -> UInt32 {
    // Both hand out indices in the same order, and get them back in the same order.
    var index: UInt32 = 0
    if digests != nil { index = digests!.attach() }
    if extractor != nil { index = extractor!.attach(key) }
    return index
  }

  /// Takes bytes that became readable for `side` at `offset` of the stream.
  public mutating func append(_ attachment: UInt32, _ side: Side, offset: UInt64, bytes: UnsafeRawBufferPointer) {
    if digests != nil { digests!.append(attachment, side, offset: offset, bytes: bytes) }
    if extractor != nil { extractor!.append(attachment, side, offset: offset, bytes: bytes) }
  }

  /// Ends a flow's streams, gives its index back, and returns the digests, if there are any.
  public mutating func finish(_ attachment: UInt32) -> StreamDigestPair? {
    if extractor != nil { extractor!.finish(attachment) }
    return digests == nil ? nil : digests!.finish(attachment)
  }
}
