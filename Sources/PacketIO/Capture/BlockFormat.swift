import MOSCore

/// What a pcapng interface description says of its packets.
struct CaptureInterface: BitwiseCopyable {
  /// The `LINKTYPE_` number, which need not be one that the decoder knows.
  var linkTypeNumber: UInt16
  var linkType: LinkType?
  /// As the block has it; 0 for no limit.
  var snapLength: UInt32
  var captureLimit: UInt32
  /// `captureLimit`, but -1 where the link type is unknown.
  var acceptedLength: Int
  var resolution: TimestampResolution
}

/// The pcapng format (draft-ietf-opsawg-pcapng): sections, each in its own byte order, of blocks.
///
/// Invariant: `interfaces` holds `interfaceCapacity` elements, the first `interfaceCount` of them initialised.
struct BlockFormat: ~Copyable {
  /// What must be there to tell the byte order and the version of a section.
  static var fileHeaderLength: Int { 16 }
  static var sectionType: UInt32 { 0x0a0d_0d0a }

  private static var interfaceDescription: UInt32 { 1 }
  private static var obsoletePacket: UInt32 { 2 }
  private static var simplePacket: UInt32 { 3 }
  private static var enhancedPacket: UInt32 { 6 }
  /// Other blocks up to this length are held as a whole, so that their two lengths can be compared.
  private static var comparedLength: UInt32 { 1 << 20 }

  private var isSwapped: Bool
  private var interfaces: UnsafeMutablePointer<CaptureInterface>
  private var interfaceCount = 0
  private var interfaceCapacity = 8
  private var lastTimestamp = Timestamp(nanoseconds: 0)
  /// Bytes of an uninteresting block that are still to be passed over.
  private var remainingToSkip: UInt64 = 0

  /// The format from the first section header, of which `fileHeaderLength` bytes are at `header`.
  init(header: UnsafeRawPointer) throws(RefusedHeader) {
    isSwapped = try Self.byteOrder(ofSection: header)
    interfaces = .allocate(capacity: interfaceCapacity)
  }

  deinit { interfaces.deallocate() }

  /// Whether the input may not end here, although no byte of a next block is there.
  var isInsideBlock: Bool { remainingToSkip > 0 }

  private static func byteOrder(ofSection header: UnsafeRawPointer) throws(RefusedHeader) -> Bool {
    let isSwapped: Bool
    switch header.load32(at: 8, swapped: false) {
    case 0x1a2b_3c4d: isSwapped = false
    case 0x4d3c_2b1a: isSwapped = true
    default: throw RefusedHeader(damage: .sectionHeaderInvalid)
    }
    let major = header.load16(at: 12, swapped: isSwapped)
    if major != 1 {
      throw RefusedHeader(damage: .versionUnsupported(major, header.load16(at: 14, swapped: isSwapped)))
    }
    return isSwapped
  }

  /// Takes whole blocks from the window until `frames` is full, bytes are missing, or a block is broken.
  mutating func take(
    from window: inout ByteWindow, into frames: UnsafeMutablePointer<CapturedFrame>, capacity: Int,
    stop: inout ReadingStop
  ) -> Int {
    var cursor = window.cursor
    let end = window.end
    var count = 0
    while count < capacity {
      if remainingToSkip == 0 {
        let rest = frames + count
        count &+=
          isSwapped
          ? takePackets(&cursor, end: end, into: rest, capacity: capacity &- count, swapped: true)
          : takePackets(&cursor, end: end, into: rest, capacity: capacity &- count, swapped: false)
        if count == capacity { break }
      }
      let available = end - cursor
      if remainingToSkip > 0 {
        let step = Int(min(remainingToSkip, UInt64(available)))
        cursor += step
        remainingToSkip &-= UInt64(step)
        if remainingToSkip == 0 { continue }
        stop = .needs(1)
        break
      }
      if available < 12 {
        stop = .needs(12)
        break
      }
      let type = cursor.load32(at: 0, swapped: isSwapped)
      if type == Self.enhancedPacket || type == Self.obsoletePacket {
        stop = takePacket(cursor, available: available, type: type, into: frames + count)
        guard case .full = stop else { break }
        cursor += Int(cursor.load32(at: 4, swapped: isSwapped))
        count &+= 1
      } else if type == Self.simplePacket {
        stop = takeSimplePacket(cursor, available: available, into: frames + count)
        guard case .full = stop else { break }
        cursor += Int(cursor.load32(at: 4, swapped: isSwapped))
        count &+= 1
      } else {
        var length = 0
        stop = takeOther(cursor, available: available, type: type, length: &length)
        guard case .full = stop else { break }
        cursor += length
      }
    }
    window.advance(to: cursor)
    return count
  }

  /// Takes enhanced packet blocks as long as there is nothing the matter with them. What stops at another block, or at
  /// a broken one, leaves it to `take` to see which and why.
  @inline(__always)
  private mutating func takePackets(
    _ position: inout UnsafeRawPointer, end: UnsafeRawPointer, into frames: UnsafeMutablePointer<CapturedFrame>,
    capacity: Int, swapped: Bool
  ) -> Int {
    var block = position
    var count = 0
    while count < capacity {
      let available = end - block
      guard available >= 32, block.load32(at: 0, swapped: swapped) == Self.enhancedPacket else { break }
      let length = Int(block.load32(at: 4, swapped: swapped))
      let number = Int(block.load32(at: 8, swapped: swapped))
      let captured = block.load32(at: 20, swapped: swapped)
      guard length <= available, length & 3 == 0, Int(captured) &+ 32 <= length, number < interfaceCount,
        block.load32(at: length &- 4, swapped: swapped) == UInt32(truncatingIfNeeded: length)
      else { break }
      let interface = interfaces + number
      guard Int(captured) <= interface.pointee.acceptedLength, length <= Int(CaptureLimits.blockLength),
        let linkType = interface.pointee.linkType
      else { break }
      let high = UInt64(block.load32(at: 12, swapped: swapped))
      let low = UInt64(block.load32(at: 16, swapped: swapped))
      lastTimestamp = interface.pointee.resolution.timestamp(ticks: high << 32 | low)
      (frames + count).initialize(
        to: CapturedFrame(
          bytes: block + 28, capturedLength: captured,
          wireLength: max(captured, block.load32(at: 24, swapped: swapped)),
          timestamp: lastTimestamp, linkType: linkType))
      block += length
      count &+= 1
    }
    position = block
    return count
  }

  /// Checks the frame of a block that must be held as a whole; `.full` when all of it is there.
  @inline(__always)
  private func checkBlock(_ block: UnsafeRawPointer, available: Int, least: UInt32) -> ReadingStop {
    let length = block.load32(at: 4, swapped: isSwapped)
    if length < least || length & 3 != 0 || length > CaptureLimits.blockLength {
      return .damaged(.blockLengthInvalid(length))
    }
    if available < Int(length) { return .needs(Int(length)) }
    let trailer = block.load32(at: Int(length) &- 4, swapped: isSwapped)
    return trailer == length ? .full : .damaged(.blockLengthsDiffer(length, trailer))
  }

  @inline(never)
  private mutating func takePacket(
    _ block: UnsafeRawPointer, available: Int, type: UInt32, into frame: UnsafeMutablePointer<CapturedFrame>
  ) -> ReadingStop {
    let check = checkBlock(block, available: available, least: 32)
    guard case .full = check else { return check }
    let number =
      type == Self.enhancedPacket
      ? block.load32(at: 8, swapped: isSwapped) : UInt32(block.load16(at: 8, swapped: isSwapped))
    if Int(number) >= interfaceCount { return .damaged(.unknownInterface(number, of: interfaceCount)) }
    let interface = interfaces + Int(number)
    let captured = block.load32(at: 20, swapped: isSwapped)
    let room = block.load32(at: 4, swapped: isSwapped) &- 32
    if captured > room { return .damaged(.captureLengthExceedsBlock(length: captured, block: room &+ 32)) }
    let limit = interface.pointee.captureLimit
    if captured > limit { return .damaged(.captureLengthExceeds(length: captured, limit: limit)) }
    guard let linkType = interface.pointee.linkType else {
      return .damaged(.linkTypeUnsupported(UInt32(interface.pointee.linkTypeNumber)))
    }
    let high = UInt64(block.load32(at: 12, swapped: isSwapped))
    let low = UInt64(block.load32(at: 16, swapped: isSwapped))
    lastTimestamp = interface.pointee.resolution.timestamp(ticks: high << 32 | low)
    frame.initialize(
      to: CapturedFrame(
        bytes: block + 28, capturedLength: captured,
        wireLength: max(captured, block.load32(at: 24, swapped: isSwapped)),
        timestamp: lastTimestamp, linkType: linkType))
    return .full
  }

  @inline(never)
  private mutating func takeSimplePacket(
    _ block: UnsafeRawPointer, available: Int, into frame: UnsafeMutablePointer<CapturedFrame>
  ) -> ReadingStop {
    let check = checkBlock(block, available: available, least: 16)
    guard case .full = check else { return check }
    if interfaceCount == 0 { return .damaged(.unknownInterface(0, of: 0)) }
    let interface = interfaces.pointee
    let wireLength = block.load32(at: 8, swapped: isSwapped)
    let captured = interface.snapLength == 0 ? wireLength : min(wireLength, interface.snapLength)
    let room = block.load32(at: 4, swapped: isSwapped) &- 16
    if captured > room { return .damaged(.captureLengthExceedsBlock(length: captured, block: room &+ 16)) }
    if captured > interface.captureLimit {
      return .damaged(.captureLengthExceeds(length: captured, limit: interface.captureLimit))
    }
    guard let linkType = interface.linkType else {
      return .damaged(.linkTypeUnsupported(UInt32(interface.linkTypeNumber)))
    }
    frame.initialize(
      to: CapturedFrame(
        bytes: block + 12, capturedLength: captured, wireLength: wireLength, timestamp: lastTimestamp,
        linkType: linkType))
    return .full
  }

  /// Sections, interfaces, and blocks to pass over; `length` is how far to move on.
  @inline(never)
  private mutating func takeOther(
    _ block: UnsafeRawPointer, available: Int, type: UInt32, length: inout Int
  ) -> ReadingStop {
    if type == Self.sectionType {
      // A section may be in another byte order than the one before. What it says of its own length is not needed.
      if available < Self.fileHeaderLength { return .needs(Self.fileHeaderLength) }
      do { isSwapped = try Self.byteOrder(ofSection: block) } catch { return .damaged(error.damage) }
      let check = checkBlock(block, available: available, least: 28)
      guard case .full = check else { return check }
      interfaceCount = 0
    } else if type == Self.interfaceDescription {
      let check = checkBlock(block, available: available, least: 20)
      guard case .full = check else { return check }
      if interfaceCount == CaptureLimits.interfaces { return .damaged(.tooManyInterfaces(interfaceCount)) }
      addInterface(block)
    } else {
      let claimed = block.load32(at: 4, swapped: isSwapped)
      if claimed > Self.comparedLength, claimed & 3 == 0 {
        remainingToSkip = UInt64(claimed)
        length = 0
        return .full
      }
      let check = checkBlock(block, available: available, least: 12)
      guard case .full = check else { return check }
    }
    length = Int(block.load32(at: 4, swapped: isSwapped))
    return .full
  }

  private mutating func addInterface(_ block: UnsafeRawPointer) {
    if interfaceCount == interfaceCapacity {
      let larger = UnsafeMutablePointer<CaptureInterface>.allocate(capacity: interfaceCapacity * 2)
      larger.moveInitialize(from: interfaces, count: interfaceCount)
      interfaces.deallocate()
      interfaces = larger
      interfaceCapacity *= 2
    }
    let number = block.load16(at: 8, swapped: isSwapped)
    let linkType = LinkType(rawValue: UInt32(number))
    let snapLength = block.load32(at: 12, swapped: isSwapped)
    let limit = CaptureLimits.captureLength(snapLength: snapLength)
    (interfaces + interfaceCount).initialize(
      to: CaptureInterface(
        linkTypeNumber: number, linkType: linkType, snapLength: snapLength, captureLimit: limit,
        acceptedLength: linkType == nil ? -1 : Int(limit), resolution: resolution(ofInterface: block)))
    interfaceCount += 1
  }

  /// Reads the options that say how time is counted; a list that runs over the block's end stops there.
  private func resolution(ofInterface block: UnsafeRawPointer) -> TimestampResolution {
    let end = Int(block.load32(at: 4, swapped: isSwapped)) &- 4
    var code: UInt8 = 6
    var offset: Int64 = 0
    var position = 16
    while end &- position >= 4 {
      let option = block.load16(at: position, swapped: isSwapped)
      let length = Int(block.load16(at: position &+ 2, swapped: isSwapped))
      position &+= 4
      if option == 0 || length > end &- position { break }
      if option == 9, length == 1 {
        code = block.load(fromByteOffset: position, as: UInt8.self)
      } else if option == 14, length == 8 {
        offset = Int64(bitPattern: block.load64(at: position, swapped: isSwapped))
      }
      position &+= (length &+ 3) & ~3
    }
    return TimestampResolution(code: code, offset: offset)
  }
}
