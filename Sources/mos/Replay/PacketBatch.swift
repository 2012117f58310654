// Unsafe code: `packets` points to `capacity` packets, the first `count` of them initialised; `bytes` to `byteCapacity`
// bytes, of which the first `byteCount` hold the segments or frames that those packets point to.
import MOSCore

/// Packets on their way to a worker, with the bytes that they point to.
///
/// A batch belongs to one thread at a time: the ring that hands it over is the only way to it.
final class PacketBatch: @unchecked Sendable {
  /// What the worker is to do when it has processed the packets.
  enum Order {
    case goOn
    /// Move time on, and prepare the records of the epoch.
    case endEpoch
    /// End all flows, and leave.
    case finish
  }

  static let capacity = 256
  private static let byteCapacity = capacity * 2_048

  let packets: UnsafeMutablePointer<DecodedPacket>
  private(set) var count = 0
  private var bytes: UnsafeMutableRawPointer
  private var byteCapacity = PacketBatch.byteCapacity
  private var byteCount = 0
  var order = Order.goOn
  /// Packet time when the batch was closed.
  var clock = Timestamp(nanoseconds: 0)

  init() {
    packets = .allocate(capacity: PacketBatch.capacity)
    bytes = .allocate(byteCount: PacketBatch.byteCapacity, alignment: 16)
  }

  deinit {
    packets.deallocate()
    bytes.deallocate()
  }

  func clear() {
    count = 0
    byteCount = 0
    order = .goOn
  }

  /// Copies a packet, with its transport header and payload. False when there is no room; a batch that is empty has room
  /// for any packet.
  func append(_ packet: UnsafePointer<DecodedPacket>) -> Bool {
    let length = packet.pointee.transportBytes
    guard count < PacketBatch.capacity, byteCount + length <= byteCapacity else { return false }
    let copy = packets + count
    copy.initialize(to: packet.pointee)
    let place = bytes + byteCount
    place.copyMemory(from: packet.pointee.transport, byteCount: length)
    copy.pointee.payload = UnsafeRawPointer(place) + (packet.pointee.payload - packet.pointee.transport)
    copy.pointee.transport = UnsafeRawPointer(place)
    // Without middleboxes nothing else of the frame is looked at behind the decoder.
    copy.pointee.frame = UnsafeRawPointer(place)
    copy.pointee.network = UnsafeRawPointer(place)
    byteCount += (length + 15) & ~15
    count += 1
    return true
  }

  /// Copies a packet with its whole frame, for middleboxes, which can look at any part of it. As `append`.
  func appendWhole(_ packet: UnsafePointer<DecodedPacket>) -> Bool {
    let frame = packet.pointee.frame
    let frameLength = Int(packet.pointee.capturedLength)
    // A datagram that was put together from fragments lies elsewhere.
    let isInFrame = packet.pointee.transport >= frame && packet.pointee.transport <= frame + frameLength
    let datagram = packet.pointee.network
    let datagramLength = isInFrame ? 0 : packet.pointee.payload + Int(packet.pointee.payloadLength) - datagram
    let frameSpace = (frameLength + 15) & ~15
    guard count < PacketBatch.capacity, reserve(frameSpace + datagramLength) else { return false }
    let copy = packets + count
    copy.initialize(to: packet.pointee)
    let place = UnsafeRawPointer(bytes + byteCount)
    (bytes + byteCount).copyMemory(from: frame, byteCount: frameLength)
    (bytes + byteCount + frameSpace).copyMemory(from: datagram, byteCount: datagramLength)
    let (old, new) = isInFrame ? (frame, place) : (datagram, place + frameSpace)
    copy.pointee.frame = place
    copy.pointee.network = new + (packet.pointee.network - old)
    copy.pointee.transport = new + (packet.pointee.transport - old)
    copy.pointee.payload = new + (packet.pointee.payload - old)
    byteCount += (frameSpace + datagramLength + 15) & ~15
    count += 1
    return true
  }

  /// Whether there is room; an empty batch makes it.
  private func reserve(_ length: Int) -> Bool {
    if byteCount + length <= byteCapacity { return true }
    guard count == 0 else { return false }
    bytes.deallocate()
    bytes = .allocate(byteCount: length, alignment: 16)
    byteCapacity = length
    return true
  }
}

extension DecodedPacket {
  /// Bytes from the transport header to the payload's end that are there.
  fileprivate var transportBytes: Int {
    guard kind.rawValue <= PacketKind.icmpv6.rawValue else { return 0 }
    return (payload - transport) + Int(payloadLength)
  }
}
