/// Which packets a rule is about: protocol, addresses, ports and direction.
struct RuleHeader: Hashable, Sendable {
  var protocolName = RuleProtocol.ip
  var source = AddressGroup.any
  var sourcePorts = PortGroup.any
  var destination = AddressGroup.any
  var destinationPorts = PortGroup.any
  /// Written `<>`: source and destination can also be the other way round.
  var isBidirectional = false
}

/// The protocol in a rule's header.
enum RuleProtocol: String, Sendable, CaseIterable {
  case ip, ipv4, ipv6, tcp, udp, icmp, icmpv4, icmpv6, sctp
  /// TCP, segment by segment.
  case tcpPacket = "tcp-pkt"
  /// TCP, the reassembled stream only.
  case tcpStream = "tcp-stream"
  case http, http1, http2, tls, dns, ftp, ssh, smtp, smb, imap, pop3, dcerpc, nfs, ntp, dhcp, ike, krb5, tftp, snmp, sip
  case rfb, rdp, mqtt, telnet, quic, pgsql, websocket, ldap, modbus, dnp3, enip
  case ftpData = "ftp-data"
  case bittorrentDHT = "bittorrent-dht"

  /// Also by the names that they had before.
  init?(name: String) {
    switch name {
    case "any", "ip": self = .ip
    case "ip4": self = .ipv4
    case "ip6": self = .ipv6
    case "ssl": self = .tls
    default:
      guard let named = RuleProtocol(rawValue: name) else { return nil }
      self = named
    }
  }

  /// Whether such a rule can be about packets of a transport protocol.
  func allows(_ transport: Transport) -> Bool {
    switch self {
    case .ip, .ipv4, .ipv6: true
    case .icmp, .icmpv4, .icmpv6: transport == .icmp
    case .udp, .dhcp, .ntp, .tftp, .quic, .bittorrentDHT, .ike: transport == .udp
    case .tcp, .tcpPacket, .tcpStream, .http, .http1, .http2, .tls, .ftp, .ftpData, .ssh, .smtp, .smb, .imap, .pop3,
      .telnet, .pgsql, .websocket, .rdp, .rfb, .mqtt:
      transport == .tcp
    case .dns, .nfs, .krb5, .sip, .snmp, .dcerpc, .ldap, .modbus, .dnp3, .enip: transport != .icmp
    case .sctp: false
    }
  }

  /// Whether the header names an application protocol.
  var isApplication: Bool {
    switch self {
    case .ip, .ipv4, .ipv6, .tcp, .tcpPacket, .tcpStream, .udp, .icmp, .icmpv4, .icmpv6, .sctp: false
    default: true
    }
  }

  enum Transport: String, Sendable {
    case tcp, udp, icmp
  }
}
