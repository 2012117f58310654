import Middleboxes

/// The input is a configuration file of `mos inline`.
let inlineTarget = Target(
  name: "inline",
  run: { data, size in
    let bytes = [UInt8](UnsafeBufferPointer(start: data, count: size))
    do throws(ConfigurationError) {
      let configuration = try InlineConfiguration(bytes: bytes, file: "folder/mos.yaml")
      for option in InlineConfiguration.options {
        for value in configuration[option] { check(configuration.error(at: value, "wrong"), bytes) }
      }
      for box in configuration.middleboxes {
        check(configuration.error(at: box.name, isNo: "middlebox", of: ["firewall", "ids", "monitor", "nat"]), bytes)
        if let path = box.configuration?.text {
          precondition(path.hasPrefix("/") || path == "-" || path.hasPrefix("folder/"))
        }
      }
      precondition(configuration["workers"].allSatisfy { Int($0.text).map { 1...64 ~= $0 } ?? false })
      precondition(configuration["quiet"].allSatisfy { ["yes", "no"].contains($0.text) })
    } catch {
      check(error, bytes)
    }
    return 0
  },
  seeds: { _ in InlineFiles.examples })

private func check(_ error: ConfigurationError, _ bytes: [UInt8]) {
  // What is missing at the end is missing behind the last line.
  let lines = bytes.count { $0 == 10 || $0 == 13 } + 2
  if let line = error.line, let column = error.column {
    precondition(line >= 1 && line <= lines && column >= 1 && column <= bytes.count + 1, "\(error)")
  }
  precondition(!error.description.utf8.contains { $0 < 0x20 || $0 == 0x7f }, "an error of more than a line")
}

private enum InlineFiles {
  /// The file in the documentation, and smaller ones of which little has to change to be another.
  static var examples: [[UInt8]] {
    let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
    let texts = [
      "ports: [a, b]\n", "ports:\n  - a,iface=b\n  - c\neal: --no-huge -m 5\nworkers: 2\nfail: open\n",
      "middleboxes: [monitor, {name: ids, config: x.yaml}]\nrecords: {eve: -, conn-format: zeek}\n",
      "flows: {tunnels: [gre, vxlan], max-flows: 1, midstream: no}\naddresses: [[a, b], c]\ngateways: d\n",
    ]
    return texts.map { Array($0.utf8) } + [head(of: "/" + root + "/docs/mos.yaml", atMost: 8192)]
  }
}
