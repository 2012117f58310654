import CPcap
import Glibc

/// Why a filter expression could not be compiled; its description is one line for the user.
public struct FilterError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The expression as given.
  public var expression: String
  /// The compiler's words.
  public var reason: String

  /// An error from its parts.
  public init(expression: String, reason: String) {
    self.expression = expression
    self.reason = reason
  }

  /// The message, for example `filter "tcp prot 80": syntax error; see pcap-filter(7)`.
  public var description: String { "filter \"\(expression)\": \(reason); see pcap-filter(7)" }
}

/// A compiled pcap-filter expression for frames of one link type, run by libpcap's interpreter.
///
/// Invariant: `program` is what `pcap_compile` filled, not changed until `deinit` frees it; so threads may share it.
public struct PacketFilter: ~Copyable, @unchecked Sendable {
  private let program: bpf_program
  private let functions: mos_pcap_functions

  /// Compiles `expression`, which is empty for all frames.
  ///
  /// `linkType` is a `LINKTYPE_` number; `snapLength` bounds what the filter may look at. Throws for an expression that
  /// does not parse, or that makes no sense on the link type. Safe to call from several threads.
  public init(expression: String, linkType: UInt16, snapLength: Int32 = 262_144) throws(FilterError) {
    // Host names in an expression are looked up by the compiler, and older versions keep static state.
    pthread_mutex_lock(compileLock.address)
    defer { pthread_mutex_unlock(compileLock.address) }
    guard let libpcap else {
      throw FilterError(expression: expression, reason: "libpcap cannot be loaded, install it (libpcap0.8)")
    }
    guard let handle = libpcap.open_dead(Self.libpcapType(of: linkType), snapLength) else {
      throw FilterError(expression: expression, reason: "libpcap has no memory")
    }
    defer { libpcap.close(handle) }
    var compiled = bpf_program()
    if libpcap.compile(handle, &compiled, expression, 1, bpf_u_int32.max) != 0 {
      let reason = libpcap.geterr(handle).map { String(cString: $0) } ?? "libpcap refuses it"
      throw FilterError(
        expression: expression, reason: reason.split(whereSeparator: \.isNewline).joined(separator: " "))
    }
    program = compiled
    functions = libpcap
  }

  deinit {
    var program = program
    functions.freecode(&program)
  }

  /// Whether the filter takes the frame of `capturedLength` bytes at `bytes`, which had `wireLength` bytes on the wire.
  public borrowing func matches(_ bytes: UnsafeRawPointer, capturedLength: UInt32, wireLength: UInt32) -> Bool {
    functions.filter(program.bf_insns, bytes.assumingMemoryBound(to: UInt8.self), wireLength, capturedLength) != 0
  }

  /// The `DLT_` number that libpcap has for a link type on Linux; the registries differ in a few old entries.
  static func libpcapType(of linkType: UInt16) -> Int32 {
    switch linkType {
    case 100: 11
    case 14, 101: 12
    case 102: 15
    case 103: 16
    default: Int32(linkType)
    }
  }
}
