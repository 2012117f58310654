import CPcap
import Glibc
import MOSCore

/// Brings a handle of libpcap to where frames can be received, and says in a line what keeps it from that.
struct PcapSetup {
  let interface: String
  let functions: mos_pcap_functions

  /// An active handle, which the caller is to close.
  func open(_ configuration: PcapConfiguration, timeout: Int32) throws(PcapError) -> OpaquePointer {
    var text = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
    guard let handle = functions.create(interface, &text) else {
      throw PcapError(.system, interface: interface, reason: Self.text(text))
    }
    _ = functions.set_snaplen(handle, Int32(configuration.snapLength))
    _ = functions.set_promisc(handle, configuration.isPromiscuous ? 1 : 0)
    _ = functions.set_timeout(handle, timeout)
    _ = functions.set_immediate_mode(handle, configuration.isImmediate ? 1 : 0)
    _ = functions.set_buffer_size(handle, Int32(configuration.bufferByteCount))
    guard functions.set_tstamp_precision(handle, PCAP_TSTAMP_PRECISION_NANO) == 0 else {
      functions.close(handle)
      throw PcapError(.system, interface: interface, reason: "it has no time stamps in nanoseconds")
    }
    // Above zero are warnings, such as that the interface cannot be promiscuous.
    let status = functions.activate(handle)
    guard status >= 0 else {
      let error = failure(status, handle)
      functions.close(handle)
      throw error
    }
    var isReady = functions.setnonblock(handle, 1, &text) == 0
    switch configuration.direction {
    case .both: break
    case .inbound: isReady = isReady && functions.setdirection(handle, PCAP_D_IN) == 0
    case .outbound: isReady = isReady && functions.setdirection(handle, PCAP_D_OUT) == 0
    }
    guard isReady else {
      let reason = text[0] != 0 ? Self.text(text) : Self.text(functions.geterr(handle))
      functions.close(handle)
      throw PcapError(.system, interface: interface, reason: reason)
    }
    return handle
  }

  private func failure(_ status: Int32, _ handle: OpaquePointer) -> PcapError {
    switch status {
    case PCAP_ERROR_NO_SUCH_DEVICE:
      return PcapError(
        .noSuchInterface, interface: interface, reason: "there is no such interface",
        remedy: "there is \(Self.interfaces.joined(separator: ", "))")
    case PCAP_ERROR_PERM_DENIED, PCAP_ERROR_PROMISC_PERM_DENIED:
      return PcapError(
        .notPermitted, interface: interface, reason: "capturing is not permitted",
        remedy: "it takes root or the capability CAP_NET_RAW (setcap cap_net_raw=ep on the program)")
    case PCAP_ERROR_IFACE_NOT_UP:
      return PcapError(
        .system, interface: interface, reason: "the interface is down", remedy: "ip link set \(interface) up")
    default:
      let detail = Self.text(functions.geterr(handle))
      return PcapError(
        .system, interface: interface, reason: detail.isEmpty ? Self.text(functions.statustostr(status)) : detail)
    }
  }

  /// The names of this host's interfaces.
  private static var interfaces: [String] {
    guard let list = if_nameindex() else { return [] }
    defer { if_freenameindex(list) }
    var names: [String] = []
    var place = list
    while let name = place.pointee.if_name {
      names.append(String(cString: name))
      place += 1
    }
    return names
  }

  /// How the handle's frames begin. Throws where the decoder does not know.
  func linkType(of handle: OpaquePointer) throws(PcapError) -> LinkType {
    let number = UInt32(bitPattern: functions.datalink(handle))
    guard let type = LinkType(rawValue: number) else {
      throw PcapError(
        .unsupportedLinkType, interface: interface,
        reason: "its link type is not supported: \(LinkType.name(of: number))")
    }
    return type
  }

  /// Has the kernel take only frames that an expression is for.
  func set(_ expression: String, on handle: OpaquePointer) throws(PcapError) {
    pthread_mutex_lock(compileLock.address)
    defer { pthread_mutex_unlock(compileLock.address) }
    var program = bpf_program()
    var isSet = functions.compile(handle, &program, expression, 1, bpf_u_int32.max) == 0
    if isSet {
      isSet = functions.setfilter(handle, &program) == 0
      functions.freecode(&program)
    }
    if !isSet {
      let error = FilterError(expression: expression, reason: Self.text(functions.geterr(handle)))
      throw PcapError(.filter, interface: interface, reason: error.description)
    }
  }

  /// A message of libpcap's as one line.
  static func text(_ message: UnsafePointer<CChar>?) -> String {
    guard let message else { return "" }
    return String(cString: message).split(whereSeparator: \.isNewline).joined(separator: " ")
  }
}
