import Glibc
import MOSCore

/// Why a capture could not be opened, or where reading it had to stop. Its description is one line for the user.
public struct CaptureError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What sort of failure it is.
  public enum Kind: Sendable {
    /// The file is missing, unreadable or no file.
    case cannotOpen
    /// What was read is no pcap or pcapng capture.
    case notACapture
    /// The capture is sound, but of a link type that cannot be decoded.
    case unsupportedLinkType
    /// The capture breaks off, or is broken, at the place named; the packets before it were given out.
    case damaged
    /// The operating system refused to read on, or to write.
    case inputOutput
  }

  /// The sort of failure.
  public var kind: Kind
  /// The file's name as given; `standard input` for `-`.
  public var file: String
  /// The packet (1-based, within this file) that could not be read; nil where no packet is concerned.
  public var packet: UInt64?
  /// The offset in the file at which that packet's record begins.
  public var byteOffset: UInt64?
  /// What is wrong.
  public var reason: String
  /// What to do about it; empty where that is plain.
  public var remedy: String

  /// An error from its parts.
  public init(
    kind: Kind, file: String, packet: UInt64? = nil, byteOffset: UInt64? = nil, reason: String, remedy: String = ""
  ) {
    self.kind = kind
    self.file = file
    self.packet = packet
    self.byteOffset = byteOffset
    self.reason = reason
    self.remedy = remedy
  }

  /// Whether packets of this file came before the failure, so that the input was bad in part only.
  public var isPartial: Bool { (packet ?? 1) > 1 }

  /// The message: file, reason, place and remedy.
  public var description: String {
    let advice = remedy.isEmpty ? "" : "; \(remedy)"
    guard let packet else { return "\(file): \(reason)\(advice)" }
    let place = byteOffset.map { ", byte \($0)" } ?? ""
    let read = packet &- 1
    return
      "\(file): \(reason) at packet \(packet)\(place); \(read) packet\(read == 1 ? " was" : "s were") read\(advice)"
  }
}

extension CaptureError {
  static func system(
    _ number: Int32, file: String, kind: Kind = .cannotOpen, doing: String = ""
  ) -> CaptureError {
    CaptureError(kind: kind, file: file, reason: doing + String(cString: strerror(number)))
  }

  /// Says what the bytes are instead, where their first ones tell.
  static func notACapture(file: String, first: UnsafeRawBufferPointer) -> CaptureError {
    if first.isEmpty { return CaptureError(kind: .notACapture, file: file, reason: "is empty; no capture") }
    for (magic, form, tool) in compressedForms where first.starts(with: magic) {
      let name = file == ByteWindow.standardInputName ? "FILE" : file
      return CaptureError(
        kind: .notACapture, file: file, reason: "is \(form)-compressed",
        remedy: "use `\(tool) \(name) | mos replay -`")
    }
    let shown = first.prefix(4).map { byte in
      let digits = String(byte, radix: 16)
      return digits.utf8.count == 1 ? "0" + digits : digits
    }.joined(separator: " ")
    return CaptureError(
      kind: .notACapture, file: file,
      reason: "not a capture file (first bytes \(shown))", remedy: "pcap and pcapng are read")
  }

  private static let compressedForms: [(magic: [UInt8], form: String, tool: String)] = [
    ([0x1f, 0x8b], "gzip", "zcat"),
    ([0x28, 0xb5, 0x2f, 0xfd], "zstd", "zstdcat"),
    ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], "xz", "xzcat"),
    ([0x42, 0x5a, 0x68], "bzip2", "bzcat"),
    ([0x04, 0x22, 0x4d, 0x18], "lz4", "lz4cat"),
  ]
}

/// What stopped the reader at a record; made into a `CaptureError` off the packet path.
enum CaptureDamage: BitwiseCopyable {
  case truncated
  case captureLengthExceeds(length: UInt32, limit: UInt32)
  case blockLengthInvalid(UInt32)
  case blockLengthsDiffer(UInt32, UInt32)
  case captureLengthExceedsBlock(length: UInt32, block: UInt32)
  case unknownInterface(UInt32, of: Int)
  case tooManyInterfaces(Int)
  case sectionHeaderInvalid
  case versionUnsupported(UInt16, UInt16)
  case linkTypeUnsupported(UInt32)

  func error(file: String, packet: UInt64?, byteOffset: UInt64?) -> CaptureError {
    var kind = CaptureError.Kind.damaged
    var remedy = ""
    let reason: String
    switch self {
    case .truncated: reason = "truncated"
    case .captureLengthExceeds(let length, let limit):
      reason = "damaged: captured length \(length), more than the limit of \(limit),"
    case .blockLengthInvalid(let length): reason = "damaged: block length \(length)"
    case .blockLengthsDiffer(let first, let last):
      reason = "damaged: block length \(first) at the block's start, \(last) at its end,"
    case .captureLengthExceedsBlock(let length, let block):
      reason = "damaged: captured length \(length) in a block of \(block) bytes"
    case .unknownInterface(let number, let count):
      reason = "damaged: interface \(number) in a section that describes \(count),"
    case .tooManyInterfaces(let limit): reason = "damaged: more than \(limit) interfaces in a section"
    case .sectionHeaderInvalid:
      if packet == nil { kind = .notACapture }
      reason = "damaged: no byte order in the section header"
    case .versionUnsupported(let major, let minor):
      if packet == nil { kind = .notACapture }
      reason = "file format version \(major).\(minor) is not supported"
    case .linkTypeUnsupported(let number):
      kind = .unsupportedLinkType
      let supported = LinkType.allCases.map { LinkType.name(of: $0.rawValue) }.joined(separator: ", ")
      reason = "link type \(LinkType.name(of: number)) is not supported"
      remedy = "supported: \(supported)"
    }
    return CaptureError(
      kind: kind, file: file, packet: packet, byteOffset: byteOffset, reason: reason, remedy: remedy)
  }
}
