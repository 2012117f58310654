// Unsafe: writes Ethernet headers where frames lie, and reads them. Invariant: frames are in memory that is the caller's to
// change, as `PacketPort` says, and are read within `capturedLength`.
import EventDSL
import MOSCore
import PacketIO
import Synchronization

/// Makes a bridge a router: it answers for the box's addresses, takes what is sent to its Ethernet addresses alone, and gives
/// what leaves the middleboxes the way and the Ethernet addresses that its destination asks for. All workers share it.
final class InlineRouter: Sendable {
  private let configuration: RouterConfiguration
  private let hardware: [MACAddress]
  private let neighbourhood: Mutex<Neighbourhood>

  /// A router with two ports of these Ethernet addresses.
  init(_ configuration: RouterConfiguration, hardware: [MACAddress]) {
    self.configuration = configuration
    self.hardware = hardware
    neighbourhood = Mutex(Neighbourhood(configuration, hardware: hardware))
  }

  /// What was counted so far.
  var counters: Neighbourhood.Counters { neighbourhood.withLock { $0.total } }

  /// Takes out of a burst what is not to be routed, and answers what asks for the box's addresses. Returns how many frames are
  /// left, in their order at the front, and what is to be sent at once.
  func arrive(
    _ frames: UnsafeMutablePointer<CapturedFrame>, count: Int, at port: Int
  ) -> (left: Int, made: [RouterFrame]) {
    var left = 0
    var taken = 0
    for index in 0..<count {
      let frame = frames[index]
      if isRouted(frame, at: port) {
        frames[left] = frame
        left += 1
      } else {
        // Those that are taken out follow the others.
        taken += 1
        take(frame, at: port)
      }
    }
    return (left, taken == 0 ? [] : neighbourhood.withLock { $0.takeMade() })
  }

  /// Whether a frame is for the middleboxes: IP to the box's Ethernet address, and no neighbor discovery.
  private func isRouted(_ frame: CapturedFrame, at port: Int) -> Bool {
    guard let header = EthernetHeader(frame.bytes, length: frame.capturedLength),
      header.destination == hardware[port].rawValue
    else { return false }
    if header.etherType == EtherType.ipv4 { return true }
    return header.etherType == EtherType.ipv6 && NeighbourMessage(frame) == nil
  }

  private func take(_ frame: CapturedFrame, at port: Int) {
    let now = IdleWait.now
    let arp = ARPMessage(frame)
    let discovery = arp == nil ? NeighbourMessage(frame) : nil
    neighbourhood.withLock { known in
      known.expire(now)
      if let arp {
        known.counters.resolution &+= 1
        take(arp, at: port, now, &known)
      } else if let discovery {
        known.counters.resolution &+= 1
        take(discovery, at: port, now, &known)
      } else {
        known.counters.ignored &+= 1
      }
    }
  }

  private func take(_ arp: ARPMessage, at port: Int, _ now: Int64, _ known: inout Neighbourhood) {
    let isForBox = arp.isRequest && configuration.isOwn(arp.target, at: port)
    known.learn(arp.source, arp.hardware, at: port, isNew: isForBox, now: now)
    guard isForBox, !arp.hardware.isGroup else { return }
    known.answer(
      RouterFrame(
        arp: 2, at: port, from: (hardware[port], arp.target), to: (arp.hardware, arp.source), isBroadcast: false))
  }

  private func take(_ message: NeighbourMessage, at port: Int, _ now: Int64, _ known: inout Neighbourhood) {
    if !message.isSolicitation {
      // Its option names the target's Ethernet address; answers to one host need none.
      known.learn(message.target, message.hardware ?? message.sender, at: port, isNew: false, now: now)
      return
    }
    guard configuration.isOwn(message.target, at: port), !message.sender.isGroup else { return }
    if let hardware = message.hardware {
      known.learn(message.source, hardware, at: port, isNew: true, now: now)
    }
    known.answer(
      RouterFrame(
        advertisement: message.target, at: port, hardware: hardware[port],
        to: (message.hardware ?? message.sender, message.source)))
  }

  /// Prepares frames that left the middleboxes: those that go out at a port now are handed to `send`, with the port; others
  /// wait, or go nowhere. Returns what the router itself is to send first.
  func route(
    _ output: (Int) -> CapturedFrame, _ range: Range<Int>, send: (CapturedFrame, Int) -> Void
  ) -> [RouterFrame] {
    let now = IdleWait.now
    return neighbourhood.withLock { known in
      for index in range {
        let frame = output(index)
        guard let destination = destination(of: frame), let hop = configuration.nextHop(to: destination) else {
          known.counters.unroutable &+= 1
          continue
        }
        let header = UnsafeMutableRawPointer(mutating: frame.bytes)
        header.storeMAC(hardware[hop.port], at: 6)
        if let address = known.resolve(hop.address, at: hop.port, now: now) {
          header.storeMAC(address, at: 0)
          send(frame, hop.port)
        } else {
          let bytes = [UInt8](UnsafeRawBufferPointer(start: frame.bytes, count: Int(frame.capturedLength)))
          known.keep(RouterFrame(port: hop.port, bytes: bytes), for: hop.address, now: now)
        }
      }
      return known.takeMade()
    }
  }

  /// Nil where a router has nothing to do with it.
  private func destination(of frame: CapturedFrame) -> IPAddress? {
    guard let header = EthernetHeader(frame.bytes, length: frame.capturedLength) else { return nil }
    let length = frame.capturedLength - EthernetHeader.length
    let network = frame.bytes + Int(EthernetHeader.length)
    let ends: (source: IPAddress, destination: IPAddress)
    switch header.etherType {
    case EtherType.ipv4 where length >= 20:
      ends = (IPAddress(v4: network.loadBE32(at: 12)), IPAddress(v4: network.loadBE32(at: 16)))
    case EtherType.ipv6 where length >= 40:
      ends = (network.loadIPv6Address(at: 8), network.loadIPv6Address(at: 24))
    default: return nil
    }
    guard ends.destination.isHost, !ends.destination.isLinkLocal, !ends.source.isLinkLocal else { return nil }
    return ends.destination
  }
}
