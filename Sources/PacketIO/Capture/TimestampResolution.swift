import MOSCore

/// How a pcapng interface counts time: `if_tsresol` and `if_tsoffset` (draft-ietf-opsawg-pcapng 4.2).
struct TimestampResolution: BitwiseCopyable {
  /// The option's byte: a negative power of 10, or of 2 when the top bit is set.
  private let code: UInt8
  /// Seconds to add to every time.
  private let offset: Int64
  /// Nanoseconds per tick, for tick counts below `directLimit`.
  private let multiplier: UInt64
  private let directLimit: UInt64

  /// A resolution from the options' values; 6 (microseconds) and 0 where there are none.
  init(code: UInt8 = 6, offset: Int64 = 0) {
    self.code = code
    self.offset = offset
    multiplier = code <= 9 ? Self.powerOfTen(9 - Int(code)) : 0
    directLimit = code <= 9 && offset == 0 ? UInt64(Int64.max) / multiplier : 0
  }

  /// The time of a tick count. Beyond the range of `Timestamp` it is the nearest end of that range.
  @inline(__always)
  func timestamp(ticks: UInt64) -> Timestamp {
    if ticks < directLimit { return Timestamp(nanoseconds: Int64(truncatingIfNeeded: ticks &* multiplier)) }
    return generalTimestamp(ticks: ticks)
  }

  @inline(never)
  private func generalTimestamp(ticks: UInt64) -> Timestamp {
    let exponent = Int(code & 0x7f)
    let magnitude: UInt128
    if code & 0x80 != 0 {
      magnitude = (UInt128(ticks) &* 1_000_000_000) >> UInt128(exponent)
    } else if exponent <= 9 {
      magnitude = UInt128(ticks) &* UInt128(Self.powerOfTen(9 - exponent))
    } else {
      // 10^19 is the last power of ten below 2^64; beyond it every count is less than a nanosecond.
      magnitude = exponent - 9 > 19 ? 0 : UInt128(ticks / Self.powerOfTen(exponent - 9))
    }
    let total = Int128(magnitude) &+ Int128(offset) &* 1_000_000_000
    return Timestamp(nanoseconds: Int64(clamping: total))
  }

  private static func powerOfTen(_ exponent: Int) -> UInt64 {
    var power: UInt64 = 1
    for _ in 0..<exponent { power &*= 10 }
    return power
  }
}
