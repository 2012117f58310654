import MOSCore

/// What a NAT translates, and how. It can be shared between threads; each worker makes its `NAT` of it.
///
/// The file is YAML; the words are those of RFC 4787. IPv6 passes, unless it goes to the prefix of NAT64.
///
/// ```yaml
/// internal: 10.0.0.0/8                   # Networks behind the NAT. Required.
/// external: [198.51.100.1, 198.51.100.2] # Addresses of the NAT, one or more. Required. A host keeps to one of them.
///
/// filtering: address-dependent  # Who may answer: whom the mapping's host has sent to (address-dependent), only from the
///                               # port it has sent to (address-and-port-dependent), or anybody (endpoint-independent).
/// ports: 1024-65535             # Ports (and ICMP identifiers) of mappings. Several workers have a part each.
/// keep-port: yes                # The host's own port, where it is free.
/// keep-parity: no               # Else one that is even if the host's is (RFC 4787 4.2.2, for RTP).
/// maximum: 1048576              # Mappings at a time.
/// per-host: 65536               # Mappings of one host at a time.
/// ftp: yes                      # Translates what FTP says of its data connections, where control goes to port 21.
/// decrement-time-to-live: yes   # As a router does, of what is translated; who sent what has come to its end is told.
/// mtu: {external: 1492}         # The longest datagram that a network takes, `internal` or `external`: what is longer is cut, or
///                               # its sender is told. Without, packets leave as long as they came.
/// log: no                       # Reports each mapping's beginning and end.
///
/// timeouts:                     # In seconds, not less than the RFCs allow.
///   tcp-established: 7440       # RFC 5382 5: at least 2 hours 4 minutes
///   tcp-transitory: 240         # at least 4 minutes: before it is established, and after it was closed
///   udp: 300                    # RFC 4787 4.3: at least 2 minutes
///   icmp: 60                    # RFC 5508 3.2: at least 60 seconds
/// udp-inbound-refresh: no       # Whether packets from outside keep a UDP mapping. Those from inside do.
///
/// icmp:                         # What the NAT says itself: errors, and that it is there.
///   toward: all                 # To everybody, to hosts behind the NAT alone (internal), or to nobody.
///   from: [10.0.0.1, fd00::1]   # By which addresses hosts behind it know it. Else the first external address, and the same in
///                               # the prefix of NAT64.
///   unsolicited-syn: yes        # Who sends a SYN from outside that is not let in is told, after six seconds, that the port is
///                               # unreachable, unless the connection is opened from inside by then (RFC 5382 REQ-4).
///
/// forwards:                     # Ports that lead to a host, for everybody.
///   - {protocol: tcp, external: 198.51.100.1, ports: 80, to: 10.0.0.5, to-port: 8080}
///   - {protocol: [tcp, udp], external: 198.51.100.1, ports: 5000-5009, to: 10.0.0.6}
///
/// one-to-one:                   # A host with an external address of its own: all ports, for everybody.
///   - {internal: 10.0.0.9, external: 198.51.100.9}
///
/// nat64:                        # IPv6 hosts reach IPv4 ones by addresses of a prefix (RFC 6146, RFC 7915).
///   prefix: 64:ff9b::/96        # Of 32, 40, 48, 56, 64 or 96 bits (RFC 6052). Required.
///   pool: 198.51.100.64         # Addresses for them alone; without, those of `external`, which need not be there with it.
///   copy-traffic-class: yes     # The other version's traffic class or type of service; else 0 (RFC 7915 4.1, 5.1).
/// ```
public struct NATConfiguration: Sendable, Equatable {
  /// Whose packets from outside a mapping lets in (RFC 4787 5).
  public enum Filtering: UInt8, Sendable, CaseIterable {
    /// Everybody's.
    case endpointIndependent
    /// Those of an address that the host has sent to.
    case addressDependent
    /// Those of an address and port that the host has sent to.
    case addressAndPortDependent
  }

  /// Whom a NAT sends ICMP messages of its own (RFC 5508 REQ-9).
  enum MessageReceivers: UInt8, Sendable {
    case all
    /// Hosts behind it.
    case `internal`
    case nobody
  }

  /// Ports that lead to a host.
  struct Forward: Sendable, Equatable {
    var protocols: [UInt8]
    var external: UInt32
    var ports: ClosedRange<UInt16>
    var host: UInt32
    /// Where the first of the ports leads to; the others follow.
    var hostPort: UInt16
  }

  /// A host with an address of its own.
  struct OneToOne: Sendable, Equatable {
    var host: UInt32
    var external: UInt32
  }

  /// How long mappings live without a packet that keeps them, in seconds.
  struct Timeouts: Sendable, Equatable {
    var established: UInt64 = 7_440
    var transitory: UInt64 = 240
    var udp: UInt64 = 300
    var icmp: UInt64 = 60
  }

  static let largestExternalCount = 256
  static let largestMaximum: UInt64 = 1 << 24
  static let largestListCount = 4_096
  static let largestTimeout: UInt64 = 86_400 * 7

  var networks: [IPPrefix] = []
  var external: [UInt32] = []
  var filtering = Filtering.addressDependent
  var ports: ClosedRange<UInt16> = 1_024...65_535
  var keepsPort = true
  var keepsParity = false
  var maximum = 1 << 20
  var perHost: UInt32 = 65_536
  var logs = false
  var translatesFTP = true
  var timeouts = Timeouts()
  var udpInboundRefresh = false
  var decrementsTimeToLive = true
  var messagesToward = MessageReceivers.all
  /// Whether the sender of a SYN that nobody asked for is told so, six seconds later.
  var answersSYNs = true
  /// The source of messages to hosts behind the NAT; nil where none was chosen.
  var messageAddress4: UInt32?
  var messageAddress6: IPAddress?
  /// The longest IP datagrams that leave toward either side; nil for any length.
  var internalMTU: Int?
  var externalMTU: Int?
  var forwards: [Forward] = []
  var oneToOne: [OneToOne] = []
  /// IPv4 addresses as IPv6 hosts know them; nil without NAT64.
  var embedding: AddressEmbedding?
  /// Whether what changes its version of IP keeps its traffic class.
  var copiesTrafficClass = true
  /// Addresses for IPv6 hosts, which have those of IPv4 hosts where there are none.
  var pool: [UInt32] = []

  init() {}

  /// Reads the file at `path`: regular, and at most 2 MiB. The first error in it is thrown.
  public init(path: String) throws(ConfigurationError) {
    try self.init(bytes: try ConfigurationFileBytes.read(path), file: path)
  }

  /// The same from a file's bytes. `file` is the name for error messages.
  public init(bytes: [UInt8], file: String) throws(ConfigurationError) {
    guard let root = try YAMLNode.document(bytes, file: file, kind: .nat), !root.isEmpty else {
      throw ConfigurationError(file: file, reason: "is empty, expected at least `internal` and `external`")
    }
    self.init()
    let reader = NATConfigurationReader(file: file)
    try reader.read(root, into: &self)
  }
}

extension ConfigurationKind {
  /// A NAT's.
  static let nat = ConfigurationKind(noun: "NAT configuration")
}
