import CPcap
import Glibc

/// One lock for the process, since libpcap's compiler is one.
struct CompileLock: @unchecked Sendable {
  let address: UnsafeMutablePointer<pthread_mutex_t>

  init() {
    address = .allocate(capacity: 1)
    pthread_mutex_init(address, nil)
  }
}

let compileLock = CompileLock()

/// libpcap's functions, loaded when first asked for; nil where it is not installed.
let libpcap: mos_pcap_functions? = {
  var functions = mos_pcap_functions()
  return mos_pcap_load(&functions) == 0 ? functions : nil
}()
