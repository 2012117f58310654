import Crypto
import MOSCore

/// The length and SHA-256 of the bytes that one side's stack took, from the stream's start to the first gap.
@frozen
public struct StreamDigest: BitwiseCopyable, Sendable {
  /// How many bytes.
  public var count: UInt64
  /// The digest's 32 bytes as four big-endian words.
  public var sha256: (UInt64, UInt64, UInt64, UInt64)

  /// The digest of no bytes.
  static var empty: StreamDigest {
    StreamDigest(
      count: 0,
      sha256: (0xe3b0_c442_98fc_1c14, 0x9afb_f4c8_996f_b924, 0x27ae_41e4_649b_934c, 0xa495_991b_7852_b855))
  }
}

/// The digests of both sides of a flow, each named for the side that *received* the bytes.
@frozen
public struct StreamDigestPair: BitwiseCopyable, Sendable {
  /// What the client's stack took: the stream that the responder sent.
  public var client: StreamDigest
  /// What the server's stack took: the stream that the originator sent.
  public var server: StreamDigest
}

/// Computes the digests of the streams of many flows.
///
/// A flow is named by the index that `attach` gives, which the caller keeps in `FlowRecord.attachment`. Memory is what
/// the flows with open indices need; an index is used again after `finish`.
public struct StreamDigests: ~Copyable {
  private struct Stream {
    var hash: SHA256?
    var count: UInt64 = 0
    var hasGap = false

    mutating func append(offset: UInt64, bytes: UnsafeRawBufferPointer) {
      guard !hasGap, !bytes.isEmpty else { return }
      guard offset <= count else {
        hasGap = true
        return
      }
      let known = count &- offset
      guard known < UInt64(bytes.count) else { return }
      if hash == nil { hash = SHA256() }
      hash!.update(bufferPointer: UnsafeRawBufferPointer(rebasing: bytes[Int(known)...]))
      count &+= UInt64(bytes.count) &- known
    }

    func digest() -> StreamDigest {
      guard let hash else { return .empty }
      var words = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
      hash.finalize().withUnsafeBytes { bytes in
        words.0 = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        words.1 = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        words.2 = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
        words.3 = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
      }
      return StreamDigest(count: count, sha256: words)
    }
  }

  /// The streams that the two sides receive.
  private struct Streams {
    var client = Stream()
    var server = Stream()
  }

  private var streams: [Streams?] = [nil]
  private var free: [UInt32] = []

  /// No flow's digests.
  public init() {}

  /// How many flows have an index.
  public var count: Int { streams.count - 1 - free.count }

  /// A new flow's index, never 0.
  public mutating func attach() -> UInt32 {
    if let index = free.popLast() {
      streams[Int(index)] = Streams()
      return index
    }
    streams.append(Streams())
    return UInt32(streams.count - 1)
  }

  /// Takes bytes that became readable for `side`, at `offset` from the stream's start. Bytes before what was taken are
  /// skipped; from the first gap on everything is. An index that is not in use is ignored.
  public mutating func append(_ attachment: UInt32, _ side: Side, offset: UInt64, bytes: UnsafeRawBufferPointer) {
    let index = Int(attachment)
    guard index < streams.count else { return }
    switch side {
    case .client: streams[index]?.client.append(offset: offset, bytes: bytes)
    case .server: streams[index]?.server.append(offset: offset, bytes: bytes)
    }
  }

  /// The digests so far, and gives the index back. `nil` for an index that is not in use.
  public mutating func finish(_ attachment: UInt32) -> StreamDigestPair? {
    let index = Int(attachment)
    guard index > 0, index < streams.count, let pair = streams[index] else { return nil }
    streams[index] = nil
    free.append(attachment)
    return StreamDigestPair(client: pair.client.digest(), server: pair.server.digest())
  }
}
