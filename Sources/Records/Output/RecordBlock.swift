/// Records that a worker collects in memory, each with a key that says where it belongs among all workers' records.
///
/// A formatter appends to `text`; `commit` makes what it appended since the last commit one record. `write` puts the
/// records of all workers into one file, in the order of the keys. Connection records use the number of the packet that
/// ended the flow and that of its first packet, so that the file is the same for any number of workers.
public struct RecordBlock: ~Copyable, Sendable {
  /// Where one record lies, and where it belongs.
  public struct Entry: BitwiseCopyable, Sendable {
    /// First the records with smaller `key1`.
    public var key1: UInt64
    /// Among these, first those with smaller `key2`.
    public var key2: UInt64
    /// The record's first byte.
    public var offset: Int
    /// The record's length in bytes.
    public var length: UInt32
  }

  /// The records' bytes.
  public var text: RecordText
  /// The records, in the order in which they were committed until `sort`.
  public private(set) var entries: [Entry] = []
  private var end = 0

  /// No records; room for `capacity` bytes before the block grows.
  public init(capacity: Int = 64 * 1024) { text = RecordText(capacity: capacity) }

  /// Makes a record of what was appended to `text` since the last commit; nothing when there is nothing.
  public mutating func commit(key1: UInt64, key2: UInt64) {
    let length = text.count - end
    guard length > 0 else { return }
    entries.append(Entry(key1: key1, key2: key2, offset: end, length: UInt32(length)))
    end = text.count
  }

  /// One record's bytes. Valid until the block changes.
  public func bytes(of entry: Entry) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: text.bytes[entry.offset..<entry.offset + Int(entry.length)])
  }

  /// Removes every record and keeps the memory.
  public mutating func removeAll() {
    text.removeAll()
    entries.removeAll(keepingCapacity: true)
    end = 0
  }

  /// Puts the records in the order of their keys. Records with equal keys keep the order of their commits.
  public mutating func sort() {
    if isInOrder { return }
    entries.sort { ($0.key1, $0.key2, $0.offset) < ($1.key1, $1.key2, $1.offset) }
  }

  /// Whether the records are, and lie in the text, in the order of their keys, as they mostly are.
  private var isInOrder: Bool {
    for index in entries.indices.dropFirst() {
      let (one, other) = (entries[index - 1], entries[index])
      if one.offset > other.offset || (one.key1, one.key2) > (other.key1, other.key2) { return false }
    }
    return true
  }

  /// Writes the records of all `blocks` to `output` in the order of their keys, and empties the blocks. Records with
  /// equal keys: those of the earlier block first.
  public static func write(_ blocks: UnsafeMutableBufferPointer<RecordBlock>, to output: inout OutputBuffer) {
    if blocks.count == 1 {
      blocks[0].write(to: &output)
      return
    }
    for index in blocks.indices { blocks[index].sort() }
    withUnsafeTemporaryAllocation(of: Int.self, capacity: blocks.count) { next in
      next.initialize(repeating: 0)
      while true {
        var best: (block: Int, entry: Entry)?
        for index in blocks.indices where next[index] < blocks[index].entries.count {
          let entry = blocks[index].entries[next[index]]
          if let known = best, (known.entry.key1, known.entry.key2) <= (entry.key1, entry.key2) { continue }
          best = (index, entry)
        }
        guard let best else { break }
        output.write(blocks[best.block].bytes(of: best.entry))
        next[best.block] += 1
      }
    }
    for index in blocks.indices { blocks[index].removeAll() }
  }

  /// Writes the records in the order of their keys, and empties the block.
  public mutating func write(to output: inout OutputBuffer) {
    if isInOrder {
      output.write(UnsafeRawBufferPointer(rebasing: text.bytes[..<end]))
    } else {
      sort()
      for entry in entries { output.write(bytes(of: entry)) }
    }
    removeAll()
  }
}
