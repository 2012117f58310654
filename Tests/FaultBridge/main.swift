import Glibc
import MOSCore
import PacketIO
import Synchronization

// Passes Ethernet frames between two interfaces of this host as a bad network would: for tests of what stands beside it.
//
// Usage: FaultBridge INTERFACE INTERFACE [loss|duplication|reordering|corruption=CHANCE]...
//                    [latency|reorderingDelay=MILLISECONDS]... [seed=N]
//
// Says "ready" on standard output when frames pass, and at SIGINT or SIGTERM what it did to them in each direction.

/// Set by a signal.
enum Ending {
  static let isSet = Atomic<Bool>(false)
}

func write(_ descriptor: Int32, _ text: String) { _ = Glibc.write(descriptor, text, text.utf8.count) }

func fail(_ message: String) -> Never {
  write(2, "FaultBridge: \(message)\n")
  exit(2)
}

func faults(_ arguments: ArraySlice<String>) -> LinkConfiguration {
  var faults = LinkConfiguration()
  faults.slots = 16_384
  for argument in arguments {
    let parts = argument.split(separator: "=").map(String.init)
    guard parts.count == 2, let value = Double(parts[1]), value >= 0 else { fail("\(argument)?") }
    switch parts[0] {
    case "loss": faults.loss = value
    case "duplication": faults.duplication = value
    case "reordering": faults.reordering = value
    case "corruption": faults.corruption = value
    case "latency": faults.latency = Int64(value * 1_000_000)
    case "reorderingDelay": faults.reorderingDelay = Int64(value * 1_000_000)
    case "seed": faults.seed = UInt64(value)
    default: fail("\(argument)?")
    }
  }
  return faults
}

func now() -> Timestamp {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Timestamp(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
}

func run(_ names: [String], _ configuration: LinkConfiguration) throws(PcapError) {
  var pcap = PcapConfiguration()
  pcap.direction = .inbound
  pcap.isImmediate = true
  var other = configuration
  other.seed = ~configuration.seed
  let ports = (try PcapPort(names[0], pcap), try PcapPort(names[1], pcap))
  var first = FaultPort(ports.0, configuration, clock: now)
  var second = FaultPort(ports.1, other, clock: now)
  var waiting = [ports.0, ports.1].map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
  write(1, "ready\n")
  while !Ending.isSet.load(ordering: .relaxed) {
    if forward(&first, &second) > 0 { continue }
    if let failure = ports.0.failure ?? ports.1.failure { throw failure }
    if first.underWay + second.underWay > 0 {
      usleep(100)
    } else {
      poll(&waiting, 2, 100)
    }
  }
  for (name, count) in [(names[0], first.faults), (names[1], second.faults)] {
    write(
      1,
      "to \(name): entered \(count.entered) lost \(count.lost) duplicated \(count.duplicated) "
        + "reordered \(count.reordered) corrupted \(count.corrupted) dropped \(count.dropped)\n")
  }
}

Ending.isSet.store(false, ordering: .relaxed)
for number in [SIGINT, SIGTERM] { signal(number) { _ in Ending.isSet.store(true, ordering: .relaxed) } }
var signals = sigset_t()
sigemptyset(&signals)
sigaddset(&signals, SIGINT)
sigaddset(&signals, SIGTERM)
pthread_sigmask(SIG_UNBLOCK, &signals, nil)
let arguments = CommandLine.arguments.dropFirst()
guard arguments.count >= 2 else { fail("two interfaces are needed") }
do { try run(Array(arguments.prefix(2)), faults(arguments.dropFirst(2))) } catch { fail(error.description) }
