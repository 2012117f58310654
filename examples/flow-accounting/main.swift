// Bills the bytes of each subscriber, and finds data that is hidden in retransmissions:
// swift run flow-accounting ../../traces/tunnel.pcap
import EventDSL
import PacketIO

/// Who is billed, for which networks, and for how many bytes.
struct Account {
  let name: String
  let networks: [IPPrefix]
  /// Bytes of streams, each counted once however often it was sent, and of datagrams.
  var sent: UInt64 = 0
  var received: UInt64 = 0
  /// Bytes of streams that were sent again. Nobody pays for what the network lost.
  var repeated: UInt64 = 0
  /// Bytes that were sent with the numbers of others. They are billed, like what is too old to be compared.
  var hidden: UInt64 = 0

  init(_ name: String, _ networks: IPPrefix...) {
    self.name = name
    self.networks = networks
  }

  var billed: UInt64 { sent + received + hidden }
}

/// Bills by what the receivers' streams get, so that segments that are lost and sent again cost nothing. Who sends other
/// bytes instead, with old numbers, would have a way past the bill: that is the tunnel that is looked for.
struct FlowAccounting: Middlebox {
  /// What the handlers of one engine count in; they run on its thread.
  final class Ledger {
    var accounts: [Account]
    init(_ accounts: [Account]) { self.accounts = accounts }
  }

  /// Whose a flow is, as an index of the ledger, and which end of it is his.
  struct Owner: BitwiseCopyable {
    var account: Int
    var side: Side
  }

  /// What a retransmission is to what was sent first.
  enum Comparison {
    case same, different, unknown
  }

  /// A flow is reported that hides more than so many bytes: a host with a fault hides few.
  var tolerance: UInt64 = 500
  let ledger: Ledger
  let owner = FlowLocal<Owner?>(nil)
  let hidden = FlowLocal(UInt64(0))
  let tunnel = UserEvent<UInt64>("tunnel")
  let toServer = StreamReader(of: .server, last: 32_768)
  let toClient = StreamReader(of: .client, last: 32_768)

  init(_ accounts: [Account]) { ledger = Ledger(accounts) }

  var events: some EventGraph {
    // The first event of a packet at its receiver: in those that follow the flow's owner is known.
    On(.packet) { event in
      if event.flow[owner] == nil {
        event.flow[owner] = findOwner(of: event.flow)
        if event.flow[owner] == nil { return event.flow.ignore() }
      }
      if let packet = event.packet, packet.kind != .tcp {
        count(UInt64(packet.payloadLength), toward: event.sender.peer, in: event.flow)
      }
    }
    On(.newData) { event in count(event.length, toward: event.receiver, in: event.flow) }
    On(.retransmission) { event in
      guard event.kind == .data, let owner = event.flow[owner] else { return }
      let comparison = compare(event)
      if comparison == .same {
        ledger.accounts[owner.account].repeated += event.length
        return
      }
      ledger.accounts[owner.account].hidden += event.length
      guard comparison == .different else { return }
      let before = event.flow[hidden]
      event.flow[hidden] += event.length
      if before <= tolerance, event.flow[hidden] > tolerance { event.raise(tunnel, event.flow[hidden]) }
    }
    // Another handler could slow the flow down or reset it; that it is a tunnel is said in one place.
    On(tunnel) { event in
      guard let owner = event.flow[owner] else { return }
      let name = ledger.accounts[owner.account].name
      event.report("\(name) hides bytes: \(event.payload) in \(event.flow.key)")
    }
  }

  private func findOwner(of flow: borrowing Flow) -> Owner? {
    for side in [Side.client, .server] {
      let address = flow[side].address
      let account = ledger.accounts.firstIndex { $0.networks.contains { $0.contains(address) } }
      if let account { return Owner(account: account, side: side) }
    }
    return nil
  }

  private func count(_ bytes: UInt64, toward side: Side, in flow: borrowing Flow) {
    guard let owner = flow[owner] else { return }
    if side == owner.side {
      ledger.accounts[owner.account].received += bytes
    } else {
      ledger.accounts[owner.account].sent += bytes
    }
  }

  /// The tracker compares with what is not acknowledged yet, which costs nothing here. Who waits for the acknowledgment
  /// before he sends other bytes is found by the last ones of the stream, which the readers keep.
  private func compare(_ event: borrowing Event<Retransmission>) -> Comparison {
    if event.bytesDiffer { return .different }
    guard let packet = event.packet else { return .unknown }
    let length = Int(event.length)
    return withUnsafeTemporaryAllocation(byteCount: length, alignment: 1) { kept in
      let reader = event.receiver == .server ? toServer : toClient
      guard event.flow.copy(reader, from: event.offset, into: kept) == length else { return .unknown }
      return packet.withPayload { payload in
        payload.withUnsafeBytes { $0.elementsEqual(kept) } ? .same : .different
      }
    }
  }
}

let accounting = FlowAccounting([
  Account("ada", IPPrefix("192.0.2.10")!),
  Account("ben", IPPrefix("192.0.2.11")!),
  Account("cleo", IPPrefix("192.0.2.12/30")!, IPPrefix("2001:db8:1::/64")!),
])
var trace = try TraceReader(paths: Array(CommandLine.arguments.dropFirst()))
var engine = try EventEngine([accounting]) { print("packet \($0.packet): \($0.text)") }
engine.play(&trace)

printRow("", ["sent", "received", "repeated", "hidden", "billed"])
for account in accounting.ledger.accounts {
  printRow(
    account.name,
    [account.sent, account.received, account.repeated, account.hidden, account.billed].map(String.init))
}

func printRow(_ name: String, _ values: [String]) {
  let columns = values.map { String(repeating: " ", count: max(0, 10 - $0.count)) + $0 }
  print(name + String(repeating: " ", count: max(0, 6 - name.count)) + columns.joined())
}
