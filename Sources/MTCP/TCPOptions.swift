/// The options of one segment, read once (RFC 9293 3.1 and 3.2, RFC 7323, RFC 2018, RFC 7413, RFC 2385, RFC 5925).
///
/// Reading never fails: what cannot be read sets `isMalformed`. An option whose own length is 0 or 1, or that reaches
/// past the header, ends the reading, and what came before it counts. A known option with another length than its RFC
/// gives is left out, and the reading goes on behind it. Of an option that comes twice, the last counts.
@frozen
public struct TCPOptions: BitwiseCopyable, Sendable {
  @frozen
  @usableFromInline
  struct Flags: OptionSet, BitwiseCopyable, Sendable {
    @usableFromInline var rawValue: UInt16
    @inlinable init(rawValue: UInt16) { self.rawValue = rawValue }
    @inlinable static var windowScaleTooLarge: Flags { .init(rawValue: 1) }
    @inlinable static var sackPermitted: Flags { .init(rawValue: 2) }
    @inlinable static var timestamp: Flags { .init(rawValue: 4) }
    @inlinable static var md5: Flags { .init(rawValue: 8) }
    @inlinable static var authentication: Flags { .init(rawValue: 16) }
    @inlinable static var malformed: Flags { .init(rawValue: 32) }
    @inlinable static var endOfList: Flags { .init(rawValue: 64) }
    @inlinable static var fastOpen: Flags { .init(rawValue: 128) }
  }

  /// TSval (RFC 7323 3.2); 0 without the option.
  public var timestampValue: UInt32 = 0
  /// TSecr (RFC 7323 3.2); 0 without the option.
  public var timestampEcho: UInt32 = 0
  /// Maximum segment size in bytes (RFC 9293 3.7.1), 0 for none.
  public var maximumSegmentSize: UInt16 = 0
  @usableFromInline var flags = Flags(rawValue: 0)
  /// Window scale shift (RFC 7323 2), 0 to 14; 255 for none. A larger one counts as 14, as 2.3 asks.
  public var windowScale: UInt8 = 255
  /// How many of `sackBlocks` are set, 0 to 4.
  public var sackBlockCount: UInt8 = 0
  /// Length in bytes of a fast open cookie (RFC 7413 2), 4 to 16; 0 for a request of one, or without the option.
  public var fastOpenCookieLength: UInt8 = 0
  /// The SACK blocks in the order of the option (RFC 2018 3): first byte of the block, and the byte behind it.
  public var sackBlocks: InlineArray<4, (left: UInt32, right: UInt32)> = .init(repeating: (left: 0, right: 0))

  /// No options.
  @inlinable public init() {}

  /// Reads the `length` bytes of options at `bytes`, which lie between the fixed header and the data offset.
  @inlinable public init(_ bytes: UnsafeRawPointer, length: Int) {
    if length == 12, UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)) == 0x0a08_0101 {
      flags = .timestamp
      timestampValue = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
      timestampEcho = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
    } else {
      read(bytes, length: length)
    }
  }

  /// A window scale over 14 was sent.
  @inlinable public var windowScaleTooLarge: Bool { flags.contains(.windowScaleTooLarge) }
  /// SACK-permitted is there (RFC 2018 2).
  @inlinable public var sackPermitted: Bool { flags.contains(.sackPermitted) }
  /// The timestamps option is there (RFC 7323 3).
  @inlinable public var hasTimestamp: Bool { flags.contains(.timestamp) }
  /// An MD5 signature is there (RFC 2385, kind 19).
  @inlinable public var hasMD5: Bool { flags.contains(.md5) }
  /// The authentication option is there (RFC 5925, kind 29).
  @inlinable public var hasAO: Bool { flags.contains(.authentication) }
  /// Something could not be read: see the type.
  @inlinable public var isMalformed: Bool { flags.contains(.malformed) }
  /// The list was ended by an end-of-list option.
  @inlinable public var hasEndOfList: Bool { flags.contains(.endOfList) }
  /// A fast open option is there: kind 34, or the experimental kind 254 with the identifier F989 (RFC 7413 4.1.1).
  @inlinable public var hasFastOpen: Bool { flags.contains(.fastOpen) }

  @usableFromInline mutating func read(_ bytes: UnsafeRawPointer, length: Int) {
    var at = 0
    while at < length {
      let kind = bytes.load(fromByteOffset: at, as: UInt8.self)
      if kind == 0 {
        flags.insert(.endOfList)
        return
      }
      if kind == 1 {
        at &+= 1
        continue
      }
      guard at &+ 1 < length else {
        flags.insert(.malformed)
        return
      }
      let size = Int(bytes.load(fromByteOffset: at &+ 1, as: UInt8.self))
      guard size >= 2, size <= length &- at else {
        flags.insert(.malformed)
        return
      }
      if !readOption(kind, bytes + (at &+ 2), size: size) { flags.insert(.malformed) }
      at &+= size
    }
  }

  /// Takes one option of `size` bytes whose value begins at `value`; `false` when a known one has a wrong length.
  private mutating func readOption(_ kind: UInt8, _ value: UnsafeRawPointer, size: Int) -> Bool {
    switch kind {
    case 2:
      guard size == 4 else { return false }
      maximumSegmentSize = UInt16(bigEndian: value.loadUnaligned(as: UInt16.self))
    case 3:
      guard size == 3 else { return false }
      let shift = value.load(as: UInt8.self)
      windowScale = min(shift, 14)
      if shift > 14 { flags.insert(.windowScaleTooLarge) } else { flags.remove(.windowScaleTooLarge) }
    case 4:
      guard size == 2 else { return false }
      flags.insert(.sackPermitted)
    case 5:
      guard size >= 10, size & 7 == 2 else { return false }
      let count = min((size &- 2) / 8, 4)
      for index in 0..<count {
        sackBlocks[index] = (
          left: UInt32(bigEndian: value.loadUnaligned(fromByteOffset: index &* 8, as: UInt32.self)),
          right: UInt32(bigEndian: value.loadUnaligned(fromByteOffset: index &* 8 &+ 4, as: UInt32.self))
        )
      }
      sackBlockCount = UInt8(truncatingIfNeeded: count)
    case 8:
      guard size == 10 else { return false }
      flags.insert(.timestamp)
      timestampValue = UInt32(bigEndian: value.loadUnaligned(as: UInt32.self))
      timestampEcho = UInt32(bigEndian: value.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
    case 19:
      guard size == 18 else { return false }
      flags.insert(.md5)
    case 29:
      guard size >= 4 else { return false }
      flags.insert(.authentication)
    case 34:
      return takeFastOpenCookie(size &- 2)
    case 254:
      // Shared by experiments (RFC 6994): only the fast open identifier makes it a known option.
      guard size >= 4, UInt16(bigEndian: value.loadUnaligned(as: UInt16.self)) == 0xf989 else { return true }
      return takeFastOpenCookie(size &- 4)
    default:
      break
    }
    return true
  }

  /// RFC 7413 4.1.1: a cookie has an even number of bytes, 4 to 16; an empty one is a request.
  private mutating func takeFastOpenCookie(_ length: Int) -> Bool {
    guard length == 0 || (length >= 4 && length <= 16 && length & 1 == 0) else { return false }
    flags.insert(.fastOpen)
    fastOpenCookieLength = UInt8(truncatingIfNeeded: length)
    return true
  }
}
