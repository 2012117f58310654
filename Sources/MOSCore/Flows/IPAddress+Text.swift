// Unsafe: writes text to a caller's buffer. Invariant: the buffer has room for `maximumTextLength` bytes.
import Glibc

extension IPAddress: LosslessStringConvertible {
  /// Bytes that `write(to:)` may write at most: eight groups of four digits and seven colons.
  public static var maximumTextLength: Int { 39 }

  /// An address from its text: IPv4 as four decimal numbers, IPv6 as RFC 4291 2.2 has it. Nil for anything else, such as
  /// surrounding space, a zone or a prefix length. `::ffff:a.b.c.d` gives the IPv4 address.
  public init?(_ text: String) {
    // inet_pton would stop at a zero byte and take what is before it.
    if text.utf8.contains(0) { return nil }
    var v4 = in_addr()
    if inet_pton(AF_INET, text, &v4) == 1 {
      self.init(v4: UInt32(bigEndian: v4.s_addr))
      return
    }
    var v6 = in6_addr()
    guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
    let halves = withUnsafeBytes(of: v6) { bytes in
      (bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }
    self.init(high: UInt64(bigEndian: halves.0), low: UInt64(bigEndian: halves.1))
  }

  /// The text that `write(to:)` writes.
  public var description: String {
    String(unsafeUninitializedCapacity: Self.maximumTextLength) { buffer in
      guard let start = buffer.baseAddress else { return 0 }
      return write(to: start)
    }
  }

  /// Writes the address as text, without a zero byte at the end, and returns the bytes written, at most
  /// `maximumTextLength`: IPv4 (also where IPv4-mapped) as four decimal numbers, IPv6 in the canonical form of RFC 5952
  /// section 4, groups in hexadecimal throughout.
  public func write(to buffer: UnsafeMutablePointer<UInt8>) -> Int {
    isV4 ? Self.writeV4(UInt32(truncatingIfNeeded: low), to: buffer) : writeV6(to: buffer)
  }

  private static func writeV4(_ bits: UInt32, to buffer: UnsafeMutablePointer<UInt8>) -> Int {
    var length = 0
    var shift: UInt32 = 24
    while true {
      let number = bits &>> shift & 0xff
      if number >= 100 {
        buffer[length] = ascii("0") &+ UInt8(truncatingIfNeeded: number / 100)
        length &+= 1
      }
      if number >= 10 {
        buffer[length] = ascii("0") &+ UInt8(truncatingIfNeeded: number / 10 % 10)
        length &+= 1
      }
      buffer[length] = ascii("0") &+ UInt8(truncatingIfNeeded: number % 10)
      length &+= 1
      if shift == 0 { return length }
      buffer[length] = ascii(".")
      length &+= 1
      shift &-= 8
    }
  }

  private func group(_ place: Int) -> UInt32 {
    let half = place < 4 ? high : low
    return UInt32(truncatingIfNeeded: half &>> UInt64(truncatingIfNeeded: 48 &- (place & 3) &* 16)) & 0xffff
  }

  /// The first of the longest runs of two or more zero groups (RFC 5952 4.2.2, 4.2.3); empty where there is none.
  private func longestZeroRun() -> (start: Int, end: Int) {
    var best = (start: 8, end: 8)
    var place = 0
    while place < 8 {
      let start = place
      while place < 8 && group(place) == 0 { place &+= 1 }
      if place &- start >= 2 && place &- start > best.end &- best.start { best = (start, place) }
      place &+= 1
    }
    return best
  }

  private func writeV6(to buffer: UnsafeMutablePointer<UInt8>) -> Int {
    let zeros = longestZeroRun()
    var length = 0
    var place = 0
    while place < 8 {
      if place == zeros.start {
        buffer[length] = ascii(":")
        buffer[length &+ 1] = ascii(":")
        length &+= 2
        place = zeros.end
        continue
      }
      if place != 0 && place != zeros.end {
        buffer[length] = ascii(":")
        length &+= 1
      }
      let group = group(place)
      var shift: UInt32 = group >= 0x1000 ? 12 : group >= 0x100 ? 8 : group >= 0x10 ? 4 : 0
      while true {
        let digit = UInt8(truncatingIfNeeded: group &>> shift & 0xf)
        buffer[length] = digit < 10 ? ascii("0") &+ digit : ascii("a") &+ digit &- 10
        length &+= 1
        if shift == 0 { break }
        shift &-= 4
      }
      place &+= 1
    }
    return length
  }
}

private func ascii(_ character: Unicode.Scalar) -> UInt8 { UInt8(truncatingIfNeeded: character.value) }
