import EventDSL

/// FTP as an application layer gateway (RFC 5382 REQ-6 wants it on): the ends that a translated host names for data
/// connections become those that its peer sees, and get their mappings.
///
/// What is named must be the host's own address and no port below 1024, so that nobody opens ports of others or of the
/// host's services (RFC 2577 3); other lines pass as they are. A line that is cut is kept, and acknowledged in its
/// receiver's place, until it is complete.
extension NAT {
  private static let controlPort: UInt16 = 21

  /// Begins to follow a connection whose first packet this is, if it is one of control.
  func beginFTP(
    _ event: borrowing Event<PacketPassage>, _ view: borrowing PacketView, _ known: inout NATFlow
  ) {
    guard state.translatesFTP, view.kind == .tcp, view.flags.contains(.syn), !view.flags.contains(.ack),
      known.translatedReceiver.port == NAT.controlPort, event.flow.record.end == .none
    else { return }
    let index = state.tables.pointee.ftp.allocate()
    if index == 0 { return }
    state.tables.pointee.ftp.pointer(index).initialize(to: FTPSession())
    known.ftp = index
  }

  func endFTP(_ flow: borrowing Flow) {
    let index = flow[translation].ftp
    if index == 0 { return }
    flow[translation].ftp = 0
    state.tables.pointee.ftp.free(index)
  }

  /// A segment of a control connection. Drops one that comes before what is missing: it comes again.
  @inline(never)
  func followFTP(
    _ event: borrowing Event<PacketPassage>, _ view: borrowing PacketView, _ packet: borrowing PacketControl,
    _ known: NATFlow, isCommand: Bool
  ) {
    // Only what a translated host says needs translation.
    let isTranslated = isCommand ? known.translatedSender != known.sender : known.translatedReceiver != known.receiver
    guard isTranslated, !view.flags.contains(.rst) else { return }
    let session = state.tables.pointee.ftp.pointer(known.ftp)
    var lines = isCommand ? session.pointee.commands : session.pointee.replies
    let length = view.payloadLength
    if view.flags.contains(.syn) {
      lines.begin(at: view.sequence &+ 1 &+ UInt32(truncatingIfNeeded: length))
      if isCommand { session.pointee.commands = lines } else { session.pointee.replies = lines }
      return
    }
    guard let next = lines.next, length > 0 else { return }
    guard view.isAcceptable else { return refuse(view, packet, .invalid) }
    let seen = Int(Int32(bitPattern: next &- view.sequence))
    if seen < 0 { return packet.drop() }
    if seen < length {
      let bytes = view.withPayload { span in span.withUnsafeBytes { Array($0) } }
      let changes = lines.take(bytes, from: seen, isCommand: isCommand) {
        translate(line: $0, event, known, isCommand)
      }
      for change in changes {
        let outcome = change.bytes.withUnsafeBytes {
          packet.replace(at: change.offset, count: change.count, with: $0)
        }
        // Not a part of what belongs together.
        if outcome != .done { return refuse(view, packet, .untranslatable) }
      }
      if isCommand { session.pointee.commands = lines } else { session.pointee.replies = lines }
    }
    if lines.count > 0 { acknowledge(event, view, lines.next ?? next) }
  }

  /// What takes the place of a line; nil for the same.
  private func translate(
    line: [UInt8], _ event: borrowing Event<PacketPassage>, _ known: NATFlow, _ isCommand: Bool
  ) -> [UInt8]? {
    guard let named = FTPEndpoint(line, isCommand: isCommand) else { return nil }
    let host = isCommand ? known.sender.address : known.translatedReceiver.address
    let external = isCommand ? known.translatedSender.address : known.receiver.address
    let peer = (isCommand ? known.receiver : known.translatedSender).address
    // A server that knows its external address says so by itself.
    if !isCommand, named.address == external { return nil }
    guard named.address == nil || named.address == host, named.port >= 1_024,
      let end = state.tables.pointee.expect(NATEnd(host, named.port), from: peer),
      // Who is told a port alone takes the address that it knows.
      named.address != nil || end.address == external
    else {
      state.tables.pointee.counters.ftpRefused &+= 1
      return nil
    }
    if state.tables.pointee.begun != 0 { logBegun(event) }
    state.tables.pointee.counters.ftpTranslated &+= 1
    return named.replacing(end.address, end.port, in: line)
  }

  /// Acknowledges what is kept, in its receiver's place: its sender may send no more before.
  private func acknowledge(_ event: borrowing Event<PacketPassage>, _ view: borrowing PacketView, _ number: UInt32) {
    guard view.flags.contains(.ack) else { return }
    let receiver = event.sender.peer
    let window = (event.flow[receiver].window ?? 0xffff) >> UInt32(event.flow[receiver].windowScale ?? 0)
    let segment = TCPSegment.acknowledgment(
      sequence: view.acknowledgment, acknowledgment: number, window: UInt16(clamping: window))
    let options = view.answeredTimestamps
    _ = options.withUnsafeBytes { event.flow.inject(segment, toward: event.sender, options: $0) }
  }
}

extension PacketView {
  /// The timestamps option (RFC 7323 3.2) of an answer to the segment, with the time that its receiver was last seen to
  /// have; empty without one.
  fileprivate var answeredTimestamps: [UInt8] {
    let header = UnsafeRawBufferPointer(
      start: decoded.pointee.transport, count: Int(decoded.pointee.tcpHeaderLength))
    var at = 20
    while at + 1 < header.count, header[at] != 0 {
      if header[at] == 1 {
        at += 1
        continue
      }
      let length = Int(header[at + 1])
      guard length >= 2, at + length <= header.count else { break }
      if header[at] == 8, length == 10 {
        return [1, 1, 8, 10] + header[at + 6..<at + 10] + header[at + 2..<at + 6]
      }
      at += length
    }
    return []
  }
}
