import MOSCore

/// How many TCP packets of which senders have a wrong checksum, to find the host whose own packets were captured before
/// its network card filled the checksums in.
///
/// A table of fixed size with one place for an address. A sender with wrong checksums displaces one without, and one with
/// more wrong checksums stays; so the sender with the most of them is found unless several share its place.
public struct SenderChecksums: BitwiseCopyable, Sendable {
  /// One sender.
  public struct Sender: BitwiseCopyable, Sendable {
    /// Its address.
    public var address = IPAddress(high: 0, low: 0)
    /// TCP packets of it since it is in the table.
    public var packets: UInt64 = 0
    /// Those with a wrong checksum.
    public var wrong: UInt64 = 0
  }

  private var senders: InlineArray<64, Sender> = .init(repeating: Sender())

  /// No senders.
  public init() {}

  /// Counts one TCP packet from `source`.
  public mutating func count(source: IPAddress, isWrong: Bool) {
    let place = SenderChecksums.place(of: source)
    if senders[place].address != source || senders[place].packets == 0 {
      guard senders[place].packets == 0 || (isWrong && senders[place].wrong == 0) else { return }
      senders[place] = Sender(address: source)
    }
    senders[place].packets &+= 1
    if isWrong { senders[place].wrong &+= 1 }
  }

  /// The sender with the most wrong checksums, if these are at least 10 and a quarter of its packets.
  public var suspect: Sender? {
    var worst = Sender()
    for place in senders.indices where senders[place].wrong > worst.wrong { worst = senders[place] }
    return worst.wrong >= 10 && worst.wrong >= worst.packets / 4 ? worst : nil
  }

  /// Adds what another worker counted.
  mutating func add(_ other: SenderChecksums) {
    for place in senders.indices {
      if senders[place].address == other.senders[place].address {
        senders[place].packets &+= other.senders[place].packets
        senders[place].wrong &+= other.senders[place].wrong
      } else if (other.senders[place].wrong, other.senders[place].packets)
        > (senders[place].wrong, senders[place].packets)
      {
        senders[place] = other.senders[place]
      }
    }
  }

  private static func place(of address: IPAddress) -> Int {
    Int(truncatingIfNeeded: ((address.high &+ address.low) &* 0x9e37_79b9_7f4a_7c15) &>> 58)
  }
}
