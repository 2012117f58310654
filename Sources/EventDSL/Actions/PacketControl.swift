import DualStackTracker
import MOSCore

/// What a filter can do to the packet. Valid while the filter runs.
///
/// Changes carry lengths and checksums along (RFC 1624). Bytes that are inserted or removed move all later numbers of
/// the flow: sequence numbers, acknowledgments and SACK blocks are translated in both directions from then on, and what
/// is sent again is changed in the same way again. A change that is refused says why, and changes nothing.
public struct PacketControl: ~Copyable {
  @usableFromInline let occurrence: UnsafeMutablePointer<Occurrence>

  @inlinable init(_ occurrence: UnsafeMutablePointer<Occurrence>) { self.occurrence = occurrence }

  var work: UnsafeMutablePointer<PacketWork> { occurrence.pointee.core.pointee.work }

  /// Drops the packet: it goes no further than this middlebox.
  public func drop() { work.pointee.drop(by: occurrence.pointee.node) }

  /// Whether it was dropped.
  public var isDropped: Bool { work.pointee.isDropped }

  /// Holds the packet, and all that its sender sends behind it in this flow, until the middlebox decides with
  /// `Flow.releaseHeld(from:)` or `Flow.dropHeld(from:)` in any later handler, a timer's too: to scan a message as a whole
  /// before any of it arrives, or to wait for somebody's answer.
  ///
  /// What is held has been taken by the receiver's tracked stack, and by the middleboxes behind: handlers and readers get
  /// its bytes as they come; only the wire waits. Where several hold, the last that lets go does. Returns `false` for a
  /// frame without a flow, for a packet that a middlebox made, for the 65th middlebox of a row and those behind it, and after
  /// `drop`.
  ///
  /// A side's packets take at most 2 MiB while they wait, 2 KiB or more each, and those of all flows what `EventEngine` was
  /// given: beyond that what comes is dropped before its receiver takes it, and who holds is reported, unless
  /// `EventEngine.passesWhatCannotWait` says otherwise. What nobody decided about is dropped with the flow.
  @discardableResult
  public func hold() -> Bool {
    let core = occurrence.pointee.core
    return occurrence.pointee.flow != 0 && !core.pointee.isInjecting
      && work.pointee.hold(by: occurrence.pointee.node, of: core.pointee.table.box(of: occurrence.pointee.node))
  }

  /// Overwrites payload bytes from `offset` on; the length stays.
  public func overwrite(at offset: Int, with bytes: UnsafeRawBufferPointer) -> PacketEditOutcome {
    work.pointee.edit { $0.overwritePayload(at: offset, with: bytes) }
  }

  /// Inserts up to 2,048 bytes before the payload byte at `offset`, or behind the last one, when the middlebox is done with
  /// the packet. Offsets are those of the packet as it came to the middlebox, in rising order.
  public func insert(at offset: Int, _ bytes: UnsafeRawBufferPointer) -> PacketEditOutcome {
    work.pointee.replace(at: offset, count: 0, with: bytes)
  }

  /// Removes `count` payload bytes from `offset` on, in the same way.
  public func remove(at offset: Int, count: Int) -> PacketEditOutcome {
    work.pointee.replace(at: offset, count: count, with: UnsafeRawBufferPointer(start: nil, count: 0))
  }

  /// Puts up to 2,048 bytes in the place of `count` payload bytes from `offset` on, in the same way.
  public func replace(at offset: Int, count: Int, with bytes: UnsafeRawBufferPointer) -> PacketEditOutcome {
    work.pointee.replace(at: offset, count: count, with: bytes)
  }

  /// Sets the source address.
  public func setSource(_ address: IPAddress) -> PacketEditOutcome { work.pointee.edit { $0.setSource(address) } }
  /// Sets the destination address.
  public func setDestination(_ address: IPAddress) -> PacketEditOutcome {
    work.pointee.edit { $0.setDestination(address) }
  }
  /// Sets the source port.
  public func setSourcePort(_ port: UInt16) -> PacketEditOutcome { work.pointee.edit { $0.setSourcePort(port) } }
  /// Sets the destination port.
  public func setDestinationPort(_ port: UInt16) -> PacketEditOutcome {
    work.pointee.edit { $0.setDestinationPort(port) }
  }
  /// Sets source address and port at once, which takes less than one after the other.
  public func setSource(_ address: IPAddress, port: UInt16) -> PacketEditOutcome {
    work.pointee.setSource(address, port: port)
  }
  /// Sets destination address and port at once.
  public func setDestination(_ address: IPAddress, port: UInt16) -> PacketEditOutcome {
    work.pointee.setDestination(address, port: port)
  }
  /// Sets addresses and ports of a TCP or UDP packet over IPv4 to what was worked out for its flow, if it has the ends that
  /// were reckoned with, and makes its time to live smaller where that is part of it: the least that a packet's translation can
  /// take. Behind it this handler, too, may see the packet with its new ends, where frames are changed in place
  /// (`EventEngine.changesFramesInPlace`); what it injects then would have them.
  ///
  /// `rewrites` stays as it is: it is passed in this way so that no copy of it is made for each packet.
  public func rewrite(_ rewrites: inout FlowRewrite) -> PacketEditOutcome { work.pointee.rewrite(&rewrites) }
  /// Whether the packet is a datagram that came in fragments (`Middlebox.needsDatagram`).
  public var cameInFragments: Bool { work.pointee.fragmentLength != 0 }
  /// Bytes of IP on the way to here: of the packet, or of the longest fragment if it came in fragments.
  public var linkLength: Int {
    let length = work.pointee.fragmentLength
    return Int(length == 0 ? work.pointee.packet.pointee.ipLength : length)
  }
  /// Has the packet leave in fragments of at most `longest` bytes of IP, 68 or more, if it is longer. Whether its sender
  /// allows that is for the middlebox to see.
  public func leave(inFragmentsOf longest: Int) -> PacketEditOutcome { work.pointee.cut(longest: longest) }
  /// Puts another IP datagram, of either version, in the place of the packet's, behind the same link header: TCP, UDP, ICMP or
  /// ICMPv6, complete and without tunnels. Of a TCP segment the numbers and the length of the payload must stay. Where it is
  /// longer than `longest` it leaves in fragments of at most so many bytes; without, those in which it came are kept to.
  /// `identification` is what fragments of IPv6 are given; any where it is 0. The handler goes on seeing the packet as it came.
  public func replaceDatagram(
    with bytes: UnsafeRawBufferPointer, longest: Int? = nil, identification: UInt32 = 0
  ) -> PacketEditOutcome {
    let core = occurrence.pointee.core
    return core.pointee.work.pointee.replaceDatagram(
      with: bytes, longest: longest, identification: identification, &core.pointee.datagrams)
  }
  /// Sets the identifier of an ICMP query or its reply.
  public func setICMPIdentifier(_ identifier: UInt16) -> PacketEditOutcome {
    work.pointee.edit { $0.setICMPIdentifier(identifier) }
  }
  /// Sets the source of the packet that an ICMP error quotes, and its port, or identifier if that is an ICMP query. IPv4
  /// only.
  public func setQuotedSource(_ address: IPAddress, port: UInt16) -> PacketEditOutcome {
    work.pointee.edit { $0.setQuotedSource(address, port: port) }
  }
  /// Sets the destination of the packet that an ICMP error quotes in the same way.
  public func setQuotedDestination(_ address: IPAddress, port: UInt16) -> PacketEditOutcome {
    work.pointee.edit { $0.setQuotedDestination(address, port: port) }
  }
  /// Sets the TCP window field, which is not scaled.
  public func setWindow(_ window: UInt16) -> PacketEditOutcome { work.pointee.edit { $0.setWindow(window) } }
  /// Sets the time to live or hop limit.
  public func setTimeToLive(_ value: UInt8) -> PacketEditOutcome { work.pointee.edit { $0.setTimeToLive(value) } }
}
