#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Why an output could not be opened or written; its description is one line for the user.
public struct OutputError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was being done.
  public enum Operation: Hashable, Sendable {
    /// The output was opened; nothing was written.
    case open
    /// Records were written; so many are there whole.
    case write(records: UInt64)
    /// A stream's bytes were written to a file of their own.
    case extract
  }

  /// The file, as the user named it; `-` for standard output.
  public var path: String
  /// What was being done.
  public var operation: Operation
  /// The system's error number.
  public var code: Int32

  /// An error from its parts.
  public init(path: String, operation: Operation, code: Int32) {
    self.path = path
    self.operation = operation
    self.code = code
  }

  /// For example `conn.log: No space left on device after 1234 records; the records that follow are lost`.
  public var description: String {
    let name = path == "-" ? "standard output" : path
    let reason = String(cString: strerror(code))
    switch operation {
    case .open: return "\(name): \(reason)"
    case .write(let records):
      let count = records == 1 ? "1 record" : "\(records) records"
      return "\(name): \(reason) after \(count); the records that follow are lost"
    case .extract: return "\(name): \(reason); the streams' bytes that follow are lost"
    }
  }
}
