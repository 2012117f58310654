#if canImport(Glibc)
  import Glibc
#endif

/// Processes that can have the same two interfaces by net_af_packet at a time.
///
/// That driver numbers an interface's group of sockets by 16 bits of the process's identifier exclusive or the interface's
/// index, and the system refuses a number that another interface has.
struct FanoutGroups {
  private let difference: UInt32

  /// Of the interfaces of two ports; nil where they are not there.
  init?(_ ports: [String]) {
    let indices = ports.compactMap { port in
      port.split(separator: ",").first { $0.hasPrefix("iface=") }.map { if_nametoindex(String($0.dropFirst(6))) }
    }
    guard indices.count == 2, !indices.contains(0) else { return nil }
    difference = (indices[0] ^ indices[1]) & 0xffff
  }

  init(difference: UInt32) { self.difference = difference }

  /// Whether a process cannot work beside one of the others.
  func collide(_ process: pid_t, _ others: [pid_t]) -> Bool {
    others.contains { UInt32(bitPattern: $0 ^ process) & 0xffff == difference }
  }
}
