// Unsafe: libhyperscan's handles. Invariant: a database is made in `init` and lives until `deinit`; it is never changed in
// between, so that any number of threads can scan with it.
import CHyperscan

/// Literals that are searched for all at once in streams.
final class LiteralDatabase: @unchecked Sendable {
  /// Bytes to search for.
  struct Literal: Hashable, Sendable {
    var bytes: [UInt8]
    /// Letters of ASCII in either case.
    var isCaseInsensitive = false
  }

  /// Bytes that the database takes.
  let byteCount: Int
  /// Bytes that each stream takes.
  let streamByteCount: Int

  let functions: mos_hyperscan_functions
  let handle: OpaquePointer

  /// Compiles literals, which are found by their indices. There has to be one at least, and none may be empty. With
  /// `reportsOnce` each is reported for the first place in a stream only.
  init(_ literals: [Literal], reportsOnce: Bool = false) throws(HyperscanError) {
    guard let functions = hyperscan else { throw .noLibrary }
    if functions.valid_platform() != HS_SUCCESS { throw .noProcessor }
    if literals.isEmpty { throw .refused("There are no literals.", literal: nil) }
    if let empty = literals.firstIndex(where: \.bytes.isEmpty) { throw .refused("It is empty.", literal: empty) }

    let flags = literals.map { literal in
      UInt32(literal.isCaseInsensitive ? HS_FLAG_CASELESS : 0) | UInt32(reportsOnce ? HS_FLAG_SINGLEMATCH : 0)
    }
    let numbers = literals.indices.map { UInt32($0) }
    let lengths = literals.map(\.bytes.count)
    var handle: OpaquePointer?
    var error: UnsafeMutablePointer<hs_compile_error_t>?
    let result = literals.flatMap(\.bytes).withUnsafeBytes { bytes in
      var start = bytes.baseAddress!.assumingMemoryBound(to: CChar.self)
      let starts = lengths.map { length -> UnsafePointer<CChar>? in
        defer { start += length }
        return start
      }
      return functions.compile_lit_multi(
        starts, flags, numbers, lengths, UInt32(literals.count), UInt32(HS_MODE_STREAM), nil, &handle, &error)
    }
    guard result == HS_SUCCESS, let handle else {
      guard let error else { throw .noMemory }
      defer { _ = functions.free_compile_error(error) }
      let literal = error.pointee.expression
      throw .refused(
        error.pointee.message.map { String(cString: $0) } ?? "no reason given",
        literal: literal < 0 ? nil : Int(literal))
    }
    self.functions = functions
    self.handle = handle
    var size = 0
    byteCount = functions.database_size(handle, &size) == HS_SUCCESS ? size : 0
    streamByteCount = functions.stream_size(handle, &size) == HS_SUCCESS ? size : 0
  }

  deinit { _ = functions.free_database(handle) }
}

/// libhyperscan's functions, loaded when first asked for; nil where it is not installed.
private let hyperscan: mos_hyperscan_functions? = {
  var functions = mos_hyperscan_functions()
  return mos_hyperscan_load(&functions) == 0 ? functions : nil
}()
