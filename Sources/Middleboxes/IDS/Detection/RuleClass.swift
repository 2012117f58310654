/// The classes of rules that are in circulation, and how urgent they are (Snort's `classification.config`).
enum RuleClass {
  /// The priority of a class's rules that have none of their own: 1, the most urgent, to 4; 3 for a class that is not known.
  static func priority(of name: String) -> UInt8 { priorities[name] ?? 3 }

  private static let priorities: [String: UInt8] = {
    var result: [String: UInt8] = [:]
    for name in urgent { result[name] = 1 }
    for name in serious { result[name] = 2 }
    result["tcp-connection"] = 4
    return result
  }()

  private static let urgent = [
    "attempted-admin", "attempted-user", "inappropriate-content", "policy-violation", "shellcode-detect",
    "successful-admin", "successful-user", "trojan-activity", "unsuccessful-user", "web-application-attack",
    "command-and-control", "credential-theft", "domain-c2", "exploit-kit", "malware-cnc", "targeted-activity",
    "file-format", "client-side-exploit",
  ]

  private static let serious = [
    "attempted-dos", "attempted-recon", "bad-unknown", "default-login-attempt", "denial-of-service", "misc-attack",
    "non-standard-protocol", "rpc-portmap-decode", "successful-dos", "successful-recon-largescale",
    "successful-recon-limited", "suspicious-filename-detect", "suspicious-login", "system-call-detect",
    "unusual-client-port-connection", "web-application-activity", "pup-activity", "social-engineering", "coin-mining",
    "external-ip-check", "sdf",
  ]
}
