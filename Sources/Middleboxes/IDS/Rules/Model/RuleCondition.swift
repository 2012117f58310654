import MOSCore

/// What a rule asks of a packet or a flow besides bytes.
enum RuleCondition: Hashable, Sendable {
  case flow(FlowCondition)
  case flowBits(isSet: Bool, anyOf: [String])
  case flowInteger(name: String, FlowIntegerTest)
  case crossBit(isSet: Bool, name: String, track: CrossBitTrack)
  case field(PacketField, IntegerMatch)
  case tcpFlags(TCPFlagsCondition)
  case fragmentBits(FragmentBitsCondition)
  case ipOption(IPOptionName)
  /// The URI's length: `urilen`.
  case uriLength(IntegerMatch, isRaw: Bool)
  case streamSize(StreamSide, IntegerMatch)
  /// Source and destination address are the same.
  case sameAddress
}

extension RuleCondition {
  /// The keyword of a condition that is about one packet, and means nothing for a stream or a message; nil for others.
  var packetKeyword: String? {
    switch self {
    case .field(.ipProtocol, _): nil
    case .field(let field, _): field.rawValue
    case .tcpFlags: "flags"
    case .fragmentBits: "fragbits"
    case .ipOption: "ipopts"
    default: nil
    }
  }
}

/// A number in a packet's headers, or about it, with the keyword that compares it.
enum PacketField: String, Sendable, CaseIterable {
  case payloadSize = "dsize"
  case sequenceNumber = "seq"
  case acknowledgment = "ack"
  case window
  case timeToLive = "ttl"
  case typeOfService = "tos"
  case identification = "id"
  case ipProtocol = "ip_proto"
  case fragmentOffset = "fragoffset"
  case icmpType = "itype"
  case icmpCode = "icode"
  case icmpIdentifier = "icmp_id"
  case icmpSequence = "icmp_seq"

  /// The highest number that the field can hold.
  var limit: UInt64 {
    switch self {
    case .sequenceNumber, .acknowledgment: UInt64(UInt32.max)
    case .timeToLive, .typeOfService, .ipProtocol, .icmpType, .icmpCode: 255
    case .fragmentOffset: 8191
    default: 65_535
    }
  }

  /// The only protocol that has it; nil where several do.
  var transport: RuleProtocol.Transport? {
    switch self {
    case .sequenceNumber, .acknowledgment, .window: .tcp
    case .icmpType, .icmpCode, .icmpIdentifier, .icmpSequence: .icmp
    default: nil
    }
  }
}

/// Where in a flow a packet is: `flow`.
struct FlowCondition: Hashable, Sendable {
  enum Direction: String, Sendable, CaseIterable {
    case toServer = "to_server"
    case toClient = "to_client"
  }

  enum State: String, Sendable, CaseIterable {
    case established
    case notEstablished = "not_established"
    case stateless
  }

  enum Stream: String, Sendable, CaseIterable {
    case only = "only_stream"
    case no = "no_stream"
  }

  enum Fragments: String, Sendable, CaseIterable {
    case only = "only_frag"
    case no = "no_frag"
  }

  var direction: Direction?
  var state: State?
  var stream: Stream?
  var fragments: Fragments?
}

/// How bits are compared with those that a rule names.
enum BitComparison: String, Sendable, CaseIterable {
  /// These and no others.
  case exactly = ""
  /// These and perhaps others.
  case all = "+"
  case any = "*"
  /// Not all of these.
  case not = "!"
}

/// A segment's control bits: `flags`.
struct TCPFlagsCondition: Hashable, Sendable {
  var comparison = BitComparison.exactly
  /// None of them, in `flags:0`.
  var flags: TCPFlags
  /// Bits that may be anything.
  var ignored: TCPFlags = []
}

/// The bits of an IPv4 header that are about fragments: `fragbits`.
struct FragmentBitsCondition: Hashable, Sendable {
  struct Bits: OptionSet, Hashable, Sendable {
    var rawValue: UInt8
    static let moreFragments = Bits(rawValue: 1)
    static let doNotFragment = Bits(rawValue: 2)
    static let reserved = Bits(rawValue: 4)
  }

  var comparison = BitComparison.exactly
  var bits: Bits
}

/// An option of the IPv4 header: `ipopts`.
enum IPOptionName: String, Sendable, CaseIterable {
  case rr, eol, nop, ts, sec, esec, lsrr, lsrre, ssrr, satid, qs, rtralt, cipso, any
}

/// Whose stream `stream_size` measures.
enum StreamSide: String, Sendable, CaseIterable {
  case client, server, both, either
}
