/// What an inspector of DNS keeps and reads at most.
struct DNSLimits: Sendable {
  /// Questions of a message whose names are handed out. Resolvers answer one.
  var questions = 32
  /// Bytes of a name as it is handed out. No name of RFC 1035 2.3.4 has more than 253; some resolvers take more.
  var nameBytes = 1025
  /// Labels and pointers of a name.
  var labels = 255
  /// Bytes of messages over TCP that came in part, of all flows; a direction beyond is not looked at.
  var partialBytes = 64 << 20
}
