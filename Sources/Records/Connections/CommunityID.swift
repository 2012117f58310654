import Crypto
import MOSCore

extension TextCursor {
  /// 30 bytes: a flow's Community ID, version 1 with seed 0, as other tools compute it: `1:` and the Base64 of a SHA-1
  /// over the ordered addresses, protocol and ports. Precondition: `key.hasCommunityID`.
  mutating func append(communityID key: FlowKey) {
    let key = key.canonical
    var input = RecordText(capacity: 64)
    input.append(UInt8(0))
    input.append(UInt8(0))
    for address in [key.source, key.destination] {
      if !address.isV4 {
        input.append(bigEndian: address.high, bytes: 8)
        input.append(bigEndian: address.low, bytes: 8)
      } else {
        input.append(bigEndian: address.low, bytes: 4)
      }
    }
    input.append(key.protocolNumber)
    input.append(UInt8(0))
    if [6, 17, 132].contains(key.protocolNumber) {
      input.append(bigEndian: UInt64(key.sourcePort), bytes: 2)
      input.append(bigEndian: UInt64(key.destinationPort), bytes: 2)
    }
    var hash = Insecure.SHA1()
    hash.update(bufferPointer: input.bytes)
    append("1:")
    hash.finalize().withUnsafeBytes { append(base64: $0) }
  }

  private mutating func append(base64 bytes: UnsafeRawBufferPointer) {
    let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = (0..<3).reduce(0) { $0 << 8 | (start + $1 < bytes.count ? Int(bytes[start + $1]) : 0) }
      for digit in 0..<4 {
        let isPadding = start + digit > bytes.count
        append(isPadding ? UInt8(ascii: "=") : alphabet.utf8Start[group >> (18 - digit * 6) & 63])
      }
    }
  }
}

extension RecordText {
  fileprivate mutating func append(bigEndian value: UInt64, bytes: Int) {
    for index in (0..<bytes).reversed() { append(UInt8(truncatingIfNeeded: value >> UInt64(index * 8))) }
  }
}

extension FlowKey {
  /// Whether the key holds what goes into a Community ID; for ICMP it does not.
  var hasCommunityID: Bool { protocolNumber != 1 && protocolNumber != 58 }
}
