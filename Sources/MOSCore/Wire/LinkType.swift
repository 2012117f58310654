/// A link layer that the decoder reads; the raw value is its LINKTYPE number, as it stands in capture files
/// (https://www.tcpdump.org/linktypes.html).
@frozen
public enum LinkType: UInt32, BitwiseCopyable, Sendable, CaseIterable {
  /// BSD loopback: a 4-byte address family in the capturing host's order.
  case null = 0
  /// Ethernet, without FCS or with one that the IP length leaves out.
  case ethernet = 1
  /// PPP, with or without HDLC address and control bytes.
  case ppp = 9
  /// Raw IP, under the number that most BSDs' DLT_RAW has.
  case rawBSD = 12
  /// Raw IP, under the number that OpenBSD's DLT_RAW has.
  case rawOpenBSD = 14
  /// Raw IP: the version is in the first four bits.
  case raw = 101
  /// IEEE 802.11 without radio information.
  case ieee80211 = 105
  /// OpenBSD loopback: a 4-byte address family in network order.
  case loop = 108
  /// Linux cooked capture, version 1.
  case linuxSLL = 113
  /// Radiotap, then IEEE 802.11.
  case radiotap = 127
  /// Raw IPv4.
  case ipv4 = 228
  /// Raw IPv6.
  case ipv6 = 229
  /// Linux cooked capture, version 2.
  case linuxSLL2 = 276

  /// A readable name of a link type, supported or not, with its number: `USB Linux mmapped (220)`; `unknown (999)` for a
  /// number that has no name here.
  public static func name(of number: UInt32) -> String { "\(bareName(of: number)) (\(number))" }

  private static func bareName(of number: UInt32) -> StaticString {
    switch number {
    case 0: "BSD loopback"
    case 1: "Ethernet"
    case 3: "AX.25"
    case 6: "Token Ring"
    case 7: "ARCNET"
    case 8: "SLIP"
    case 9: "PPP"
    case 10: "FDDI"
    case 12, 14, 101: "raw IP"
    case 50: "PPP in HDLC framing"
    case 51: "PPPoE"
    case 100: "LLC/SNAP over ATM"
    case 104: "Cisco HDLC"
    case 105: "IEEE 802.11"
    case 107: "Frame Relay"
    case 108: "OpenBSD loopback"
    case 113: "Linux cooked v1"
    case 114: "LocalTalk"
    case 117: "OpenBSD pflog"
    case 119: "IEEE 802.11 with Prism header"
    case 122: "IP over Fibre Channel"
    case 123: "SunATM"
    case 127: "IEEE 802.11 with radiotap"
    case 138: "IP over IEEE 1394"
    case 139, 140, 141: "SS7"
    case 143: "DOCSIS"
    case 147...162: "private use"
    case 163: "IEEE 802.11 with AVS header"
    case 165: "BACnet MS/TP"
    case 177: "Linux LAPD"
    case 187, 201: "Bluetooth HCI H4"
    case 189: "USB Linux"
    case 192: "PPI"
    case 195, 215, 230: "IEEE 802.15.4"
    case 197: "ERF"
    case 220: "USB Linux mmapped"
    case 225, 226: "Solaris IPNET"
    case 227: "CAN SocketCAN"
    case 228: "raw IPv4"
    case 229: "raw IPv6"
    case 231: "D-Bus"
    case 239: "NFLOG"
    case 240: "netANALYZER"
    case 242: "IP over InfiniBand"
    case 243: "MPEG-2 transport stream"
    case 247: "InfiniBand"
    case 248: "SCTP"
    case 249: "USBPcap"
    case 251: "Bluetooth LE link layer"
    case 252: "Wireshark upper PDU"
    case 253: "Netlink"
    case 254: "Bluetooth Linux monitor"
    case 256: "Bluetooth LE link layer with header"
    case 258: "Apple PKTAP"
    case 264: "ISO 14443"
    case 266: "USB Darwin"
    case 271: "VSOCK monitor"
    case 272: "nRF sniffer"
    case 274: "Ethernet mPacket"
    case 276: "Linux cooked v2"
    case 277: "Z-Wave"
    case 283: "IEEE 802.15.4 TAP"
    case 288: "USB 2.0"
    default: "unknown"
    }
  }
}
