#if canImport(Glibc)
  import Glibc
#endif

/// One end of a connection between two processes, on which messages come whole and in order.
final class FailChannel: Sendable {
  private static let longest = 512
  let descriptor: Int32

  /// Takes over an open socket.
  init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  /// Two connected ends, which are closed where another program is run. Throws what the system says.
  static func pair() throws(ReplayFailure) -> (FailChannel, FailChannel) {
    let ends = try sockets(Int32(SOCK_SEQPACKET.rawValue))
    return (FailChannel(descriptor: ends[0]), FailChannel(descriptor: ends[1]))
  }

  static func sockets(_ type: Int32) throws(ReplayFailure) -> [Int32] {
    var ends: [Int32] = [0, 0]
    guard socketpair(AF_UNIX, type | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      throw ReplayFailure(message: "--fail: no socket: \(String(cString: strerror(errno)))", status: 3)
    }
    return ends
  }

  /// What `receive` found.
  enum Received: Equatable {
    case message(FailMessage)
    case nothing
    /// The other end is closed.
    case ended
  }

  /// The next message, waiting for it up to `milliseconds`; -1 is for ever. Returns early for a signal.
  func receive(within milliseconds: Int32 = 0) -> Received {
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&request, 1, milliseconds) > 0 else { return .nothing }
    var bytes = [UInt8](repeating: 0, count: FailChannel.longest)
    let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
    if count < 0 { return errno == EAGAIN || errno == EINTR ? .nothing : .ended }
    if count == 0 { return .ended }
    // What it does not know comes from another version, and asks for nothing.
    guard let message = FailMessage(String(decoding: bytes[..<count], as: UTF8.self)) else { return .nothing }
    return .message(message)
  }

  /// Says something; nobody may be there any longer to hear it.
  func send(_ message: FailMessage) {
    let bytes = Array(message.text.utf8.prefix(FailChannel.longest))
    _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
  }
}
