/// Searches buffers for the literals of rules, each by itself.
final class BufferSearch {
  @exclusivity(unchecked) private var stream: LiteralStream

  /// Nil where the rules have no literals. Throws where there is no memory.
  init?(_ group: RuleGroup) throws(HyperscanError) {
    guard let database = group.database else { return nil }
    stream = try LiteralStream(database)
  }

  /// Appends what is found in a buffer.
  func run(_ bytes: UnsafeRawBufferPointer, scratch: borrowing ScanScratch, into hits: inout [LiteralMatch]) {
    stream.reset()
    stream.scan(bytes, scratch: scratch, into: &hits)
  }
}
