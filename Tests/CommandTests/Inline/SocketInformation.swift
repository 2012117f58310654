import Foundation

/// What the kernel says of one connection's end (`ss -ti`).
struct SocketInformation {
  /// `ESTAB` and the like.
  let state: String
  private let text: Substring

  /// The only connection with the port 9000 in a namespace; nil where there is none, or several.
  init?(of network: InlineNetwork, in name: String) {
    let output = network.run(in: name, "ss -tinOH '( sport = :9000 or dport = :9000 )'").output
    let lines = output.split(separator: "\n")
    guard lines.count == 1 else { return nil }
    text = lines[0]
    state = String(text.prefix { $0 != " " })
  }

  /// The number behind `name:`; 0 where it is left out, as the kernel's zeros are.
  subscript(name: String) -> Int {
    guard let range = text.range(of: " \(name):") else { return 0 }
    return Int(text[range.upperBound...].prefix { $0.isNumber }) ?? 0
  }

  /// Segments that were sent again.
  var retransmissions: Int {
    guard let range = text.range(of: " retrans:"), let slash = text[range.upperBound...].firstIndex(of: "/") else {
      return 0
    }
    return Int(text[text.index(after: slash)...].prefix { $0.isNumber }) ?? 0
  }

  /// Nothing that was sent is without an answer.
  var isQuiet: Bool { self["unacked"] == 0 && self["notsent"] == 0 && self["rto"] > 0 }
}
