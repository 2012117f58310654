/// Something that an endpoint would ignore, or that a correct stack never sends.
@frozen
public enum Anomaly: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  // Frame and network layer.
  case frameTruncated = 0
  case unknownLinkLayer
  case ipVersionInvalid
  case ipHeaderLengthInvalid
  case ipTotalLengthInvalid
  case ipChecksumInvalid
  case ipOptionInvalid
  case extensionHeaderInvalid
  case fragmentOverlap
  case fragmentTooLarge
  case fragmentTimeout
  case fragmentLimit
  case encapsulationTooDeep
  case tunnelHeaderInvalid
  case lowTimeToLive
  // Transport layer, from one packet alone.
  case tcpHeaderTruncated
  case tcpDataOffsetInvalid
  case tcpChecksumInvalid
  case tcpOptionInvalid
  case tcpFlagsInvalid
  case udpLengthInvalid
  case udpChecksumInvalid
  case icmpHeaderTruncated
  case icmpChecksumInvalid
  // TCP, against the connection's state.
  case synWithData
  case synOnConnection
  case synRetransmitWithOtherISN
  case synAckUnexpected
  case resetOutsideWindow
  case resetNotExact
  case resetWithMD5
  case dataOutsideWindow
  case dataWithoutAck
  case dataAfterFin
  case dataAfterReset
  case ackBeyondSent
  case ackTooOld
  case timestampOld
  case md5Unsolicited
  case finNotInOrder
  case urgentData
  case timeToLiveChanged
  case handshakeAckInvalid
  case windowScaleTooLarge
  case receiveBufferLimit

  /// How the kind is named in records, for example `tcpChecksumInvalid`.
  public var name: String { "\(self)" }
}

/// A set of anomalies, one bit each.
@frozen
public struct AnomalySet: OptionSet, BitwiseCopyable, Sendable {
  /// Bit `n` stands for the anomaly with raw value `n`.
  public var rawValue: UInt64
  /// A set from its bits.
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
  /// The set of one anomaly.
  @inlinable public init(_ anomaly: Anomaly) { rawValue = 1 &<< UInt64(anomaly.rawValue) }
  /// Adds one anomaly.
  @inlinable public mutating func insert(_ anomaly: Anomaly) { rawValue |= 1 &<< UInt64(anomaly.rawValue) }
  /// Whether the set has `anomaly`.
  @inlinable public func contains(_ anomaly: Anomaly) -> Bool { rawValue & 1 &<< UInt64(anomaly.rawValue) != 0 }
}
