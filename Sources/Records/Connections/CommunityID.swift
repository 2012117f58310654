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
