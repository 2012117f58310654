import MOSCore
import Records

/// Reads the hellos of many flows, for their records.
///
/// A flow is named by the index that `attach` gives, which the caller keeps in `FlowRecord.attachment`. Memory is what the
/// flows with open indices need; an index is used again after `finish`.
public struct TLSHandshakeReader: ~Copyable {
  private struct Entry {
    var state = TLSFlowState()
    /// How much of each side's stream was taken.
    var taken: (client: UInt64, server: UInt64) = (0, 0)
    var handshake: TLSHandshake?
  }

  private var inspector: TLSInspector
  /// That of index 0 is not used.
  private var entries = [Entry()]
  private var free: [UInt32] = []

  /// A reader that follows nothing yet.
  public init() {
    var limits = TLSLimits()
    // The texts behind JA3 are longer than all else, and nobody writes them.
    limits.buffers = 0
    for buffer in [InspectionBuffer.tlsServerName, .ja3Hash, .ja3ServerHash, .ja4Hash] {
      limits.buffers |= 1 << UInt64(buffer.rawValue)
    }
    inspector = TLSInspector(limits: limits)
  }

  /// Begins to follow a flow. Returns its index, never 0.
  public mutating func attach() -> UInt32 {
    if let index = free.popLast() {
      entries[Int(index)] = Entry()
      return index
    }
    entries.append(Entry())
    return UInt32(entries.count - 1)
  }

  /// Takes bytes that became readable at `receiver`, `offset` bytes behind the beginning of what its peer sent. What came
  /// before is passed over; that something was left out ends the reading of that direction.
  public mutating func append(_ index: UInt32, receiver: Side, offset: UInt64, bytes: UnsafeRawBufferPointer) {
    let place = Int(index)
    if entries[place].state.isOver || bytes.isEmpty { return }
    let sender = receiver.peer
    let taken = sender == .client ? entries[place].taken.client : entries[place].taken.server
    var sink = HandshakeSink(handshake: entries[place].handshake)
    if offset > taken {
      inspector.skip(from: sender, of: &entries[place].state, into: &sink)
    } else if taken - offset < UInt64(bytes.count) {
      let new = UnsafeRawBufferPointer(rebasing: bytes[Int(taken - offset)...])
      inspector.take(new, from: sender, of: &entries[place].state, into: &sink)
    }
    let end = max(taken, offset &+ UInt64(bytes.count))
    if sender == .client { entries[place].taken.client = end } else { entries[place].taken.server = end }
    entries[place].handshake = sink.handshake
  }

  /// Ends with a flow, whose index is free then. Returns what its hellos told; nil where there was none.
  public mutating func finish(_ index: UInt32) -> TLSHandshake? {
    var sink = HandshakeSink(handshake: entries[Int(index)].handshake)
    inspector.end(&entries[Int(index)].state, into: &sink)
    entries[Int(index)].handshake = nil
    free.append(index)
    return sink.handshake
  }
}

private struct HandshakeSink: TLSSink {
  var handshake: TLSHandshake?

  mutating func take(_ buffer: InspectionBuffer, _ bytes: UnsafeRawBufferPointer, of message: TLSMessage) {
    var known = handshake ?? TLSHandshake()
    switch buffer {
    case .tlsServerName: known.setServerName(bytes)
    case .ja3Hash: known.ja3 = [UInt8](bytes)
    case .ja3ServerHash: known.ja3s = [UInt8](bytes)
    case .ja4Hash: known.ja4 = [UInt8](bytes)
    default: return
    }
    handshake = known
  }

  mutating func end(_ message: TLSMessage, behind: Int) {
    var known = handshake ?? TLSHandshake()
    if message.kind == .serverHello { known.version = message.version }
    handshake = known
  }

  mutating func note(_ anomaly: TLSAnomaly, from sender: Side) {}
}
