// Unsafe: libpcre2's handles. Invariant: a pattern's code is made in `init` and lives until `deinit`, and is never changed
// in between; match data belong to one thread.
import CPCRE2

/// Why an expression cannot be used.
struct PCREError: Error, Equatable, CustomStringConvertible {
  /// libpcre2 is not installed, or has no memory.
  var description: String
}

/// A compiled regular expression. Any number of threads can match with it.
final class PCREPattern: @unchecked Sendable {
  /// What became of looking for it.
  enum Outcome: Equatable {
    /// Where it begins and ends.
    case found(Range<Int>)
    case absent
    /// More bytes could decide it.
    case undecided
    /// It takes too long to tell.
    case tooCostly
  }

  /// Backtracks that one search may take.
  fileprivate static let mostSteps: UInt32 = 3_500

  private let functions: mos_pcre2_functions
  private let code: OpaquePointer

  /// Compiles an expression. Throws what is wrong with it.
  init(_ pattern: [UInt8], options: UInt32) throws(PCREError) {
    guard let functions = pcre2 else {
      throw PCREError(
        description: "libpcre2, which confirms what rules look for, cannot be loaded, install libpcre2-8-0")
    }
    var number: Int32 = 0
    var place = 0
    guard let code = functions.compile(pattern, pattern.count, options, &number, &place, nil) else {
      var text = [UInt8](repeating: 0, count: 256)
      _ = functions.error_message(number, &text, text.count)
      let message = String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
      throw PCREError(description: "pcre, at character \(place + 1): \(message)")
    }
    self.functions = functions
    self.code = code
    // Where there is no JIT, matching is slower and otherwise the same.
    _ = functions.jit_compile(code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_SOFT | PCRE2_JIT_PARTIAL_HARD)
  }

  deinit { functions.code_free(code) }

  /// Looks for the expression from `start` on. `isWhole` where no more bytes can come; `isFollowed` where the place of its
  /// end matters, so that a match that more bytes could lengthen is not told yet.
  func find(
    in bytes: UnsafeRawBufferPointer, from start: Int, isWhole: Bool, isFollowed: Bool, _ memory: PCREMemory
  ) -> Outcome {
    let options = isWhole ? 0 : isFollowed ? PCRE2_PARTIAL_HARD : PCRE2_PARTIAL_SOFT
    // An address is wanted, even of nothing.
    let subject = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? UnsafePointer(memory.empty)
    let result = functions.match(code, subject, bytes.count, start, options, memory.data, memory.context)
    if result >= 0 {
      let places = functions.ovector(memory.data)!
      // \K can put the beginning behind the end.
      return .found(min(places[0], places[1])..<places[1])
    }
    switch result {
    case PCRE2_ERROR_PARTIAL: return .undecided
    case PCRE2_ERROR_NOMATCH: return isWhole ? .absent : .undecided
    default: return .tooCostly
    }
  }
}

/// What matching needs, for one thread.
final class PCREMemory {
  fileprivate let functions: mos_pcre2_functions
  fileprivate let data: OpaquePointer
  fileprivate let context: OpaquePointer
  fileprivate let empty = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)

  init() throws(PCREError) {
    guard let functions = pcre2, let data = functions.match_data_create(1, nil),
      let context = functions.match_context_create(nil)
    else { throw PCREError(description: "libpcre2 cannot be loaded, or has no memory") }
    self.functions = functions
    self.data = data
    self.context = context
    empty.initialize(to: 0)
    _ = functions.set_match_limit(context, PCREPattern.mostSteps)
    _ = functions.set_depth_limit(context, PCREPattern.mostSteps)
  }

  deinit {
    functions.match_data_free(data)
    functions.match_context_free(context)
    empty.deallocate()
  }
}

/// libpcre2's functions, loaded when first asked for; nil where it is not installed.
private let pcre2: mos_pcre2_functions? = {
  var functions = mos_pcre2_functions()
  return mos_pcre2_load(&functions) == 0 ? functions : nil
}()

extension PCREMatch {
  /// The flags as libpcre2's options.
  var options: UInt32 {
    var options: UInt32 = 0
    if flags.contains(.caseInsensitive) { options |= PCRE2_CASELESS }
    if flags.contains(.dotMatchesNewline) { options |= PCRE2_DOTALL }
    if flags.contains(.multiline) { options |= PCRE2_MULTILINE }
    if flags.contains(.extended) { options |= PCRE2_EXTENDED }
    if flags.contains(.anchored) { options |= PCRE2_ANCHORED }
    if flags.contains(.dollarAtEndOnly) { options |= PCRE2_DOLLAR_ENDONLY }
    if flags.contains(.ungreedy) { options |= PCRE2_UNGREEDY }
    return options
  }
}
