// Unsafe: libhyperscan's handles, and a call-back that is given a pointer. Invariant: a scratch and a stream live from
// `init` to `deinit`; the pointer to the matches is used during the call only to which it is given.
import CHyperscan

/// A literal that was found.
struct LiteralMatch: Hashable, Sendable {
  /// Index of the literal.
  var literal: UInt32
  /// Where it ends: how many bytes of the stream come before its end.
  var end: UInt64
}

/// Memory that a scan needs, one for each thread.
struct ScanScratch: ~Copyable {
  private let functions: mos_hyperscan_functions
  private(set) var handle: OpaquePointer?

  init(for database: LiteralDatabase) throws(HyperscanError) {
    functions = database.functions
    try fit(database)
  }

  /// Makes it large enough for another database too.
  mutating func fit(_ database: LiteralDatabase) throws(HyperscanError) {
    if functions.alloc_scratch(database.handle, &handle) != HS_SUCCESS { throw .noMemory }
  }

  deinit {
    if let handle { _ = functions.free_scratch(handle) }
  }
}

/// How far a stream of bytes has been searched. Literals are found also where they lie in several chunks.
struct LiteralStream: ~Copyable {
  private let database: LiteralDatabase
  private let handle: OpaquePointer

  init(_ database: LiteralDatabase) throws(HyperscanError) {
    var handle: OpaquePointer?
    guard database.functions.open_stream(database.handle, 0, &handle) == HS_SUCCESS, let handle else { throw .noMemory }
    self.database = database
    self.handle = handle
  }

  /// Searches the next bytes of the stream, fewer than 4 GiB, and appends what ends in them. The scratch is one that was
  /// made for the database, or fits it.
  mutating func scan(
    _ bytes: UnsafeRawBufferPointer, scratch: borrowing ScanScratch, into matches: inout [LiteralMatch]
  ) {
    let data = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
    // Where there are no bytes there may be no address, which libhyperscan refuses.
    guard let data, !bytes.isEmpty else { return }
    let result = withUnsafeMutablePointer(to: &matches) { matches in
      database.functions.scan_stream(
        handle, data, UInt32(bytes.count), 0, scratch.handle,
        { literal, _, end, _, context in
          context!.assumingMemoryBound(to: [LiteralMatch].self).pointee.append(LiteralMatch(literal: literal, end: end))
          return 0
        }, matches)
    }
    precondition(result == HS_SUCCESS, "the scratch is another database's, or in use")
  }

  /// Begins another stream in the same memory.
  mutating func reset() { _ = database.functions.reset_stream(handle, 0, nil, nil, nil) }

  deinit { _ = database.functions.close_stream(handle, nil, nil, nil) }
}
