import ArgumentParser
import Middleboxes

extension InlineCommand {
  /// What was asked for, here and in the file. Throws a `ValidationError` of one line for values that are out of range or do
  /// not go together, and a `ConfigurationError` where they stand in the file.
  func options() throws -> InlineOptions {
    guard let file else { return try checkedOptions() }
    let configuration = try InlineConfiguration(path: file)
    let whole = try completed(from: configuration)
    do { return try whole.checkedOptions() } catch let error as ValidationError {
      throw located(error, in: configuration)
    }
  }

  private func checkedOptions() throws -> InlineOptions {
    let choices = try middleboxes.choices()
    var options = InlineOptions()
    guard port.count == 2 else {
      throw ValidationError("--port: a bridge has two ports, not \(port.count); see --help for how they are named")
    }
    try InlineCommand.checkPorts(port[0], port[1])
    options.ports = port
    options.environment = environment.flatMap { $0.split(separator: " ").map(String.init) }
    if let mtu, !(68...65_000 ~= mtu) { throw ValidationError("--mtu \(mtu): 68 to 65000 bytes") }
    options.mtu = mtu
    if let metrics {
      guard let address = MetricsAddress(metrics) else {
        throw ValidationError("--metrics \"\(metrics)\": expected for example 127.0.0.1:9464 or [::1]:9464")
      }
      options.metrics = address
    }
    if fail == .open, choices.contains(where: { $0.name == "nat" }) {
      throw ValidationError("--fail open: packets that a NAT has not translated are not to pass: give --fail closed")
    }
    options.fail = fail
    options.role = failRole
    options.router = try router(choices)
    options.flows = try flows.liveOptions(choices, workers: workers ?? 1, quiet: quiet ?? false)
    return options
  }

  private func router(_ choices: [MiddleboxChoice]) throws -> RouterConfiguration? {
    if addresses.isEmpty {
      guard gateway.isEmpty else { throw ValidationError("--gateway is of a router: give --addresses too") }
      return nil
    }
    // A bridge's other middleboxes decide about what passes between two ports; a NAT's packets have a destination of theirs.
    guard choices.contains(where: { $0.name == "nat" }) else {
      throw ValidationError("--addresses: who has them is a NAT: give --middlebox nat too")
    }
    do throws(RouterConfiguration.Mistake) {
      return try RouterConfiguration(addresses, gateways: gateway)
    } catch { throw ValidationError(error.message) }
  }

  private static func checkPorts(_ first: String, _ second: String) throws {
    func name(_ port: String) -> Substring { port.prefix { $0 != "," } }
    for port in [first, second] where name(port).isEmpty {
      throw ValidationError("--port \"\(port)\": the name of the device is missing")
    }
    guard name(first) != name(second) else {
      throw ValidationError(
        "--port \(second): it is given twice; number devices of one driver, as net_null0 and net_null1")
    }
    let interfaces = [first, second].map { port in
      port.split(separator: ",").first { $0.hasPrefix("iface=") }.map { "\(port.prefix { !$0.isNumber })\($0)" }
    }
    if let interface = interfaces[0], interface == interfaces[1] {
      throw ValidationError("--port \(second): it has the interface of the other port")
    }
  }
}
