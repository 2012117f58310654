/// Ports that servers listen on, to tell the ends of a flow apart whose start was not seen.
enum ServerPorts {
  static func isLikely(_ port: UInt16) -> Bool {
    switch port {
    case 1433, 1521, 1883, 3128, 3306, 3389, 5060, 5222, 5432, 5900, 6379, 6667, 8000, 8008, 8080, 8443, 8888, 9200,
      11211, 27017:
      true
    default: port < 1024 && port != 0
    }
  }
}
