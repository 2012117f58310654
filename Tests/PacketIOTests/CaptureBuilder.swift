/// Puts captures together field by field, in either byte order, so that each field can also be wrong.
struct CaptureBuilder {
  var bytes: [UInt8] = []
  var isBigEndian = false

  mutating func put<Value: FixedWidthInteger>(_ value: Value) {
    withUnsafeBytes(of: isBigEndian ? value.bigEndian : value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func put(_ more: [UInt8]) { bytes += more }

  mutating func pad() { while bytes.count % 4 != 0 { bytes.append(0) } }

  static func records(
    bigEndian: Bool = false, magic: UInt32 = 0xa1b2_c3d4, version: (UInt16, UInt16) = (2, 4),
    snapLength: UInt32 = 65_535, linkType: UInt32 = 1
  ) -> CaptureBuilder {
    var builder = CaptureBuilder(isBigEndian: bigEndian)
    builder.put(magic)
    builder.put(version.0)
    builder.put(version.1)
    builder.put(0 as UInt64)
    builder.put(snapLength)
    builder.put(linkType)
    return builder
  }

  mutating func record(
    _ data: [UInt8], seconds: UInt32 = 1, subseconds: UInt32 = 0, captured: UInt32? = nil, wire: UInt32? = nil,
    extraHeader: Int = 0
  ) {
    put(seconds)
    put(subseconds)
    put(captured ?? UInt32(data.count))
    put(wire ?? UInt32(data.count))
    put([UInt8](repeating: 0, count: extraHeader))
    put(data)
  }

  /// A block around `body`; the lengths are right unless given.
  mutating func block(
    _ type: UInt32, length: UInt32? = nil, trailer: UInt32? = nil, _ body: (inout CaptureBuilder) -> Void
  ) {
    var inner = CaptureBuilder(isBigEndian: isBigEndian)
    body(&inner)
    inner.pad()
    let right = UInt32(inner.bytes.count + 12)
    put(type)
    put(length ?? right)
    put(inner.bytes)
    put(trailer ?? length ?? right)
  }

  mutating func section(bigEndian: Bool = false, length: Int64 = -1, major: UInt16 = 1) {
    isBigEndian = bigEndian
    block(0x0a0d_0d0a) {
      $0.put(0x1a2b_3c4d as UInt32)
      $0.put(major)
      $0.put(0 as UInt16)
      $0.put(length)
    }
  }

  mutating func interface(
    linkType: UInt16 = 1, snapLength: UInt32 = 0, resolution: UInt8? = nil, offset: Int64? = nil
  ) {
    block(1) {
      $0.put(linkType)
      $0.put(0 as UInt16)
      $0.put(snapLength)
      if resolution == nil, offset == nil { return }
      // An option of another kind comes first, one of odd length.
      $0.option(2, Array("eth0!".utf8))
      if let resolution { $0.option(9, [resolution]) }
      if let offset {
        var value = CaptureBuilder(isBigEndian: $0.isBigEndian)
        value.put(offset)
        $0.option(14, value.bytes)
      }
      $0.option(0, [])
    }
  }

  mutating func option(_ code: UInt16, _ value: [UInt8]) {
    put(code)
    put(UInt16(value.count))
    put(value)
    pad()
  }

  mutating func enhanced(
    _ data: [UInt8], interface: UInt32 = 0, ticks: UInt64 = 0, captured: UInt32? = nil, wire: UInt32? = nil,
    length: UInt32? = nil, trailer: UInt32? = nil
  ) {
    block(6, length: length, trailer: trailer) {
      $0.put(interface)
      $0.put(UInt32(truncatingIfNeeded: ticks >> 32))
      $0.put(UInt32(truncatingIfNeeded: ticks))
      $0.put(captured ?? UInt32(data.count))
      $0.put(wire ?? UInt32(data.count))
      $0.put(data)
    }
  }

  mutating func obsolete(_ data: [UInt8], interface: UInt16 = 0, ticks: UInt64 = 0) {
    block(2) {
      $0.put(interface)
      $0.put(7 as UInt16)
      $0.put(UInt32(truncatingIfNeeded: ticks >> 32))
      $0.put(UInt32(truncatingIfNeeded: ticks))
      $0.put(UInt32(data.count))
      $0.put(UInt32(data.count))
      $0.put(data)
      $0.pad()
      $0.option(2, [0, 0, 0, 1])
    }
  }

  mutating func simple(_ data: [UInt8], wire: UInt32? = nil) {
    block(3) {
      $0.put(wire ?? UInt32(data.count))
      $0.put(data)
    }
  }
}

/// `count` bytes that differ from frame to frame.
func sampleFrame(_ count: Int, seed: Int = 0) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ seed &* 31 &+ 1) }
}
