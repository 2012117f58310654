/// What the variables in rules' headers stand for.
public struct IDSVariables: Hashable, Sendable {
  /// Address groups by name, without `$`, each written as in a rule: `[10.0.0.0/8,!10.0.0.1]`, `!$HOME_NET`.
  public var addresses: [String: String]
  /// Port groups by name, without `$`, each written as in a rule: `80`, `[25,587]`, `1024:`.
  public var ports: [String: String]

  /// The groups that rules in circulation use: the home network is all private IPv4 addresses, servers are in it, and what
  /// is outside is external; ports are the services' own. Groups that are given take the place of those of their name.
  public init(addresses: [String: String] = [:], ports: [String: String] = [:]) {
    self.addresses = Self.defaultAddresses.merging(addresses) { $1 }
    self.ports = Self.defaultPorts.merging(ports) { $1 }
  }

  private static let defaultAddresses: [String: String] = {
    let home = [
      "HTTP_SERVERS", "SMTP_SERVERS", "SQL_SERVERS", "DNS_SERVERS", "TELNET_SERVERS", "FTP_SERVERS", "SSH_SERVERS",
      "SIP_SERVERS", "SNMP_SERVERS", "DC_SERVERS", "DNP3_SERVER", "DNP3_CLIENT", "MODBUS_SERVER", "MODBUS_CLIENT",
      "ENIP_SERVER", "ENIP_CLIENT",
    ]
    var groups = Dictionary(uniqueKeysWithValues: home.map { ($0, "$HOME_NET") })
    groups["HOME_NET"] = "[192.168.0.0/16,10.0.0.0/8,172.16.0.0/12]"
    groups["EXTERNAL_NET"] = "!$HOME_NET"
    groups["AIM_SERVERS"] = "$EXTERNAL_NET"
    return groups
  }()

  private static let defaultPorts = [
    "HTTP_PORTS": "80", "SHELLCODE_PORTS": "!80", "ORACLE_PORTS": "1521", "SSH_PORTS": "22", "FTP_PORTS": "21",
    "FILE_DATA_PORTS": "[$HTTP_PORTS,110,143]", "DNP3_PORTS": "20000", "MODBUS_PORTS": "502",
    "SIP_PORTS": "[5060,5061]",
    "GENEVE_PORTS": "6081", "VXLAN_PORTS": "4789", "TEREDO_PORTS": "3544",
  ]
}
