import MOSCore

/// Why a format's reading loop stopped before its output was full.
enum ReadingStop: BitwiseCopyable {
  /// The output is full.
  case full
  /// The next record needs so many bytes from the cursor on.
  case needs(Int)
  /// The next record is broken.
  case damaged(CaptureDamage)
}

/// Limits on what a capture may claim, so that a lie in it costs no memory and ends the reading where it stands.
enum CaptureLimits {
  /// A capture length up to this is taken whatever the snap length says, as libpcap does.
  static var alwaysAllowed: UInt32 { 262_144 }
  /// No frame is longer than this, whatever the snap length says.
  static var frameLength: UInt32 { 16 << 20 }
  /// Blocks that must be held as a whole (packets, interfaces, sections) are not longer than this.
  static var blockLength: UInt32 { 17 << 20 }
  /// Interfaces in one section.
  static var interfaces: Int { 65_536 }

  /// The longest frame under a snap length; 0 stands for none.
  static func captureLength(snapLength: UInt32) -> UInt32 {
    snapLength == 0 ? frameLength : min(max(snapLength, alwaysAllowed), frameLength)
  }
}

/// The classic pcap format (draft-ietf-opsawg-pcap), microsecond and nanosecond, in either byte order, and the variant
/// with longer record headers that old Linux systems wrote.
struct RecordFormat: BitwiseCopyable {
  static var fileHeaderLength: Int { 24 }

  private let isSwapped: Bool
  private let headerLength: Int
  /// Nanoseconds in one unit of the record's second time field.
  private let subsecondUnit: Int64
  private let captureLimit: UInt32
  private let linkType: LinkType

  /// Whether a file that begins with these four bytes, loaded in host order, is of this format.
  static func recognizes(_ magic: UInt32) -> Bool { form(of: magic) != nil || form(of: magic.byteSwapped) != nil }

  private static func form(of magic: UInt32) -> (headerLength: Int, unit: Int64)? {
    switch magic {
    case 0xa1b2_c3d4: (16, 1000)
    case 0xa1b2_3c4d: (16, 1)
    case 0xa1b2_cd34: (24, 1000)
    default: nil
    }
  }

  /// The format from a file header, of which `fileHeaderLength` bytes are at `header`.
  init(header: UnsafeRawPointer) throws(RefusedHeader) {
    let magic = header.loadUnaligned(as: UInt32.self)
    isSwapped = Self.form(of: magic) == nil
    guard let form = Self.form(of: isSwapped ? magic.byteSwapped : magic) else {
      throw RefusedHeader(damage: .sectionHeaderInvalid)
    }
    headerLength = form.headerLength
    subsecondUnit = form.unit
    let major = header.load16(at: 4, swapped: isSwapped)
    let minor = header.load16(at: 6, swapped: isSwapped)
    // Before 2.3 the two lengths stood the other way round.
    guard major == 2, minor >= 3 else { throw RefusedHeader(damage: .versionUnsupported(major, minor)) }
    captureLimit = CaptureLimits.captureLength(snapLength: header.load32(at: 16, swapped: isSwapped))
    // The upper bits say whether frames end in an FCS, which the IP length leaves out anyway.
    let number = header.load32(at: 20, swapped: isSwapped) & 0xffff
    guard let linkType = LinkType(rawValue: number) else {
      throw RefusedHeader(damage: .linkTypeUnsupported(number))
    }
    self.linkType = linkType
  }

  /// Takes whole records from the window until `frames` is full, bytes are missing, or a record is broken.
  @inline(__always)
  func take(
    from window: inout ByteWindow, into frames: UnsafeMutablePointer<CapturedFrame>, capacity: Int,
    stop: inout ReadingStop
  ) -> Int {
    isSwapped
      ? take(from: &window, into: frames, capacity: capacity, stop: &stop, swapped: true)
      : take(from: &window, into: frames, capacity: capacity, stop: &stop, swapped: false)
  }

  @inline(__always)
  private func take(
    from window: inout ByteWindow, into frames: UnsafeMutablePointer<CapturedFrame>, capacity: Int,
    stop: inout ReadingStop, swapped: Bool
  ) -> Int {
    var cursor = window.cursor
    let end = window.end
    let headerLength = headerLength
    var count = 0
    while count < capacity {
      let available = end - cursor
      if available < headerLength {
        stop = .needs(headerLength)
        break
      }
      let captured = cursor.load32(at: 8, swapped: swapped)
      if captured > captureLimit {
        stop = .damaged(.captureLengthExceeds(length: captured, limit: captureLimit))
        break
      }
      let recordLength = headerLength &+ Int(captured)
      if available < recordLength {
        stop = .needs(recordLength)
        break
      }
      // At most 2^32 * (10^9 + 10^3): no overflow. Seconds are unsigned, good until 2106.
      let seconds = Int64(cursor.load32(at: 0, swapped: swapped))
      let subseconds = Int64(cursor.load32(at: 4, swapped: swapped))
      (frames + count).initialize(
        to: CapturedFrame(
          bytes: cursor + headerLength, capturedLength: captured,
          wireLength: max(captured, cursor.load32(at: 12, swapped: swapped)),
          timestamp: Timestamp(nanoseconds: seconds &* 1_000_000_000 &+ subseconds &* subsecondUnit),
          linkType: linkType))
      cursor += recordLength
      count &+= 1
    }
    window.advance(to: cursor)
    return count
  }
}

/// A file or section header that cannot be read.
struct RefusedHeader: Error {
  var damage: CaptureDamage
}

/// Loads in the byte order that a capture says it is in. The caller has checked that the bytes are there.
extension UnsafeRawPointer {
  @inline(__always)
  func load16(at offset: Int, swapped: Bool) -> UInt16 {
    let value = loadUnaligned(fromByteOffset: offset, as: UInt16.self)
    return swapped ? value.byteSwapped : value
  }

  @inline(__always)
  func load32(at offset: Int, swapped: Bool) -> UInt32 {
    let value = loadUnaligned(fromByteOffset: offset, as: UInt32.self)
    return swapped ? value.byteSwapped : value
  }

  @inline(__always)
  func load64(at offset: Int, swapped: Bool) -> UInt64 {
    let value = loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    return swapped ? value.byteSwapped : value
  }
}
