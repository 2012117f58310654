import ArgumentParser
import Middleboxes

extension InlineCommand {
  /// This, with what a file says where no option was given. Throws a `ConfigurationError` for a value that is none.
  func completed(from file: InlineConfiguration) throws -> InlineCommand {
    var whole = self
    if port.isEmpty { whole.port = file["port"].map(\.text) }
    if environment.isEmpty { whole.environment = file["eal"].map(\.text) }
    if addresses.isEmpty { whole.addresses = file["addresses"].map(\.text) }
    if gateway.isEmpty { whole.gateway = file["gateway"].map(\.text) }
    try whole.fill(\.mtu, "mtu", file) { Int($0) }
    try whole.fill(\.workers, "workers", file) { Int($0) }
    try whole.fill(\.fail, "fail", file) { FailMode(rawValue: $0) }
    try whole.fill(\.metrics, "metrics", file) { $0 }
    try whole.fill(\.quiet, "quiet", file) { $0 == "yes" }
    try whole.fillMiddleboxes(from: file)
    try whole.fillFlows(from: file)
    return whole
  }

  private mutating func fillMiddleboxes(from file: InlineConfiguration) throws {
    if file["rule-stats"].first?.text == "yes" { middleboxes.ruleStats = true }
    if !middleboxes.middlebox.isEmpty { return }
    for box in file.middleboxes {
      let names = NamedMiddlebox.all.map(\.name)
      guard names.contains(box.name.text) else { throw file.error(at: box.name, isNo: "middlebox", of: names) }
      // In this order, which says which file belongs to which.
      middleboxes.middlebox.append(PlacedValue(box.name.text))
      if let configuration = box.configuration { middleboxes.config.append(PlacedValue(configuration.text)) }
    }
  }

  private mutating func fillFlows(from file: InlineConfiguration) throws {
    try fill(\.flows.connLog, "conn-log", file) { $0 }
    try fill(\.flows.connFormat, "conn-format", file) { ConnectionFormatChoice(rawValue: $0) }
    try fill(\.flows.eve, "eve", file) { $0 }
    try fill(\.flows.events, "events", file) { $0 }
    try fill(\.flows.maxFlows, "max-flows", file) { Int($0) }
    try fill(\.flows.idleTimeout, "idle-timeout", file, PacketDuration.init(argument:))
    try fill(\.flows.halfOpenTimeout, "half-open-timeout", file, PacketDuration.init(argument:))
    try fill(\.flows.udpTimeout, "udp-timeout", file, PacketDuration.init(argument:))
    try fill(\.flows.midstream, "midstream", file) { Switch(rawValue: $0) }
    try fill(\.flows.checksum, "checksum", file) { ChecksumChoice(rawValue: $0) }
    try fill(\.flows.vlanTracking, "vlan-tracking", file) { Switch(rawValue: $0) }
    try fill(\.flows.tunnels, "tunnels", file, TunnelChoice.init(argument:))
  }

  /// Gives an option that was not given the file's value.
  private mutating func fill<Value>(
    _ option: WritableKeyPath<InlineCommand, Value?>, _ name: String, _ file: InlineConfiguration,
    _ parse: (String) throws -> Value?
  ) throws {
    guard self[keyPath: option] == nil, let value = file[name].first else { return }
    do { self[keyPath: option] = try parse(value.text) } catch let error as ValidationError {
      throw file.error(at: value, "\(name): \(error.message)")
    }
  }

  /// What is wrong with an option whose value is the file's, as an error there. Its message begins with the option.
  func located(_ error: ValidationError, in file: InlineConfiguration) -> any Error {
    guard error.message.hasPrefix("--") else { return error }
    let name = String(error.message.dropFirst(2).prefix { $0.isLetter || $0 == "-" })
    let isGiven = [
      "port": !port.isEmpty, "addresses": !addresses.isEmpty, "gateway": !gateway.isEmpty, "metrics": metrics != nil,
      "fail": fail != nil, "workers": workers != nil, "mtu": mtu != nil, "conn-log": flows.connLog != nil,
      "conn-format": flows.connFormat != nil, "max-flows": flows.maxFlows != nil,
    ]
    if isGiven[name] == true { return error }
    let value = file[name].first { error.message.contains($0.text) } ?? file[name].first
    return file.error(at: value, String(error.message.dropFirst(2)))
  }
}
