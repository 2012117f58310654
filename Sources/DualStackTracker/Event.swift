import MOSCore
import MTCP

/// A built-in event.
@frozen
public enum EventKind: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// A packet of the flow passed, at each hook.
  case packet = 0
  /// The client entered SYN_SENT, the server SYN_RCVD.
  case connectionStart
  /// The three-way handshake is complete.
  case established
  /// A side changed its TCP state.
  case stateChange
  /// In-order bytes became readable.
  case newData
  /// A segment brought nothing that had not been sent before.
  case retransmission
  /// A segment started beyond the next expected byte.
  case outOfOrder
  /// Bytes that will never come were skipped.
  case gap
  /// The same range came with other bytes.
  case overlapConflict
  /// Something that the endpoint ignores, or that a stack never sends.
  case anomaly
  /// A TCP packet without a flow.
  case orphan
  /// Nothing came for the flow's time-out; `connectionEnd` with `EndReason.timeout` follows.
  case idle
  /// The flow ended; exactly once a flow.
  case connectionEnd

  /// The name in records, for example `newData`.
  public var name: String { "\(self)" }
}

/// A set of built-in events.
@frozen
public struct EventSet: OptionSet, BitwiseCopyable, Sendable {
  /// Bit `n` stands for the event kind with raw value `n`.
  public var rawValue: UInt32
  /// A set from its bits.
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
  /// The set of one event.
  @inlinable public init(_ kind: EventKind) { rawValue = 1 &<< UInt32(kind.rawValue) }
  /// Adds one event.
  @inlinable public mutating func insert(_ kind: EventKind) { rawValue |= 1 &<< UInt32(kind.rawValue) }
  /// Whether the set has `kind`.
  @inlinable public func contains(_ kind: EventKind) -> Bool { rawValue & 1 &<< UInt32(kind.rawValue) != 0 }
  /// Every built-in event.
  @inlinable public static var all: EventSet { EventSet(rawValue: (1 << 13) - 1) }
}

/// When, on a packet's way, an event happened.
@frozen
public enum Hook: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// Before the flow was looked up.
  case wire = 0
  /// After the sender's stack took the packet.
  case sender
  /// After the receiver's stack took it.
  case receiver
  /// Without a packet: a timer, an eviction, the end of the trace.
  case timer

  /// The name in records.
  public var name: String { "\(self)" }
}

/// What was sent again.
@frozen
public enum RetransmissionKind: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  case syn = 0
  case synAck
  case data
  case fin
  case keepAlive
  case zeroWindowProbe

  /// The name in records.
  public var name: String { "\(self)" }
}

/// One event that carries more than the fact that it happened. Which fields have a meaning depends on `kind`.
@frozen
public struct EventRecord: BitwiseCopyable {
  /// Which event.
  public var kind: EventKind
  /// When it happened.
  public var hook: Hook
  /// The side whose stack it happened to; for data events the side that receives the bytes.
  public var side: Side
  /// `stateChange`: new `TCPState`; `retransmission`: `RetransmissionKind`; `anomaly`: `Anomaly`; `connectionEnd`:
  /// `EndReason`; raw values.
  public var code: UInt8 = 0
  /// `stateChange`: old `TCPState`; `retransmission`: 1 when its bytes differ from those first sent.
  public var detail: UInt8 = 0
  /// `newData`, `retransmission`, `outOfOrder`, `gap`, `overlapConflict`: the stream offset, counted from ISN + 1.
  public var offset: UInt64 = 0
  /// The same: how many bytes.
  public var length: UInt64 = 0
  /// `newData`: its first bytes, as they lie in the packet; `nil` where they come from the receive buffer alone.
  public var bytes: UnsafeRawPointer?
  /// `newData`: how many bytes are at `bytes`; the rest is in the receive buffer's chain.
  public var bytesLength: UInt32 = 0
  /// `newData`: the receive buffer's chain that follows, 0 for none. Valid until the tracker's next step.
  public var chain: UInt32 = 0
  /// `newData`: bytes to pass over at the chain's start.
  public var chainSkip: UInt32 = 0
  /// `newData`: how many of the chain's bytes belong to this record.
  public var chainLength: UInt32 = 0

  /// An event of `side` at `hook`; its other fields are zero.
  @inlinable public init(_ kind: EventKind, _ hook: Hook, _ side: Side) {
    self.kind = kind
    self.hook = hook
    self.side = side
  }
}

extension EventRecord {
  /// `stateChange` of `side` at `hook`.
  @inline(__always) init(_ hook: Hook, _ side: Side, from old: TCPState, to new: TCPState) {
    self.init(.stateChange, hook, side)
    code = new.rawValue
    detail = old.rawValue
  }
}
