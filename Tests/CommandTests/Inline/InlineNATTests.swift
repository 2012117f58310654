import Foundation
import Testing

/// Real programs on either side of `mos inline --middlebox nat`: a private network's host and one outside.
@Suite(
  "a NAT between real hosts", .serialized,
  .enabled(
    if: InlineNetwork.isPossible && InlineNetwork.shell("command -v vsftpd").status == 0,
    "needs root, ip, ethtool, curl, python3 and vsftpd: skipped"))
struct InlineNATTests {
  /// Starts a NAT that logs its mappings.
  private func startNAT(
    _ network: InlineNetwork, _ forwards: [String] = [], translatesFTP: Bool = true, workers: Int = 1
  ) throws -> Process {
    var lines = ["internal: 192.168.7.0/24", "external: 203.0.113.1", "log: yes"]
    if !translatesFTP { lines.append("ftp: no") }
    if !forwards.isEmpty { lines += ["forwards:"] + forwards.map { "  - {external: 203.0.113.1, \($0)}" } }
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: network.path("nat.yaml")))
    return try network.startBox(
      "box",
      [
        "--middlebox", "nat", "--config", network.path("nat.yaml"), "--eve", network.path("eve.json"), "--workers",
        "\(workers)",
      ])
  }

  /// The mappings that were reported to have begun.
  private func mappings(_ network: InlineNetwork) -> [String] {
    network.records("eve.json").compactMap { record in
      guard let said = (record["middlebox"] as? [String: Any])?["message"] as? String,
        said.hasPrefix("mapping began: ")
      else { return nil }
      return String(said.dropFirst("mapping began: ".count))
    }
  }

  /// Starts vsftpd, which lets anybody read and write. It takes no address of another host in PORT and EPRT, and no data
  /// connection from one. It is known by what it logs.
  private func startFTPServer(_ network: InlineNetwork, in name: String) throws {
    let configuration = """
      listen=YES
      background=NO
      seccomp_sandbox=NO
      anonymous_enable=YES
      anon_root=\(network.path("ftp"))
      no_anon_password=YES
      write_enable=YES
      anon_upload_enable=YES
      anon_umask=022
      connect_from_port_20=YES
      log_ftp_protocol=YES
      xferlog_enable=YES
      xferlog_std_format=NO
      vsftpd_log_file=\(network.path("ftp.log"))

      """
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: network.path("vsftpd.conf")))
    InlineNetwork.shell(
      """
      cd \(network.folder.path)
      mkdir -p /var/run/vsftpd/empty ftp/incoming
      chmod 755 . ftp
      cp big ftp/big
      chown ftp ftp/incoming
      """)
    try network.start(in: name, ["vsftpd", network.path("vsftpd.conf")], messages: "vsftpd")
    let isThere = network.wait { network.run(in: name, "ss -ltn | grep -q ':21 '").status == 0 }
    try #require(isThere, "\(network.messages("vsftpd"))")
  }

  /// The four ways to a data connection: what curl is told, and the command by which the server knows them.
  private static let modes: [(name: String, options: String, command: String)] = [
    ("epsv", "", "EPSV"), ("pasv", "--disable-epsv --no-ftp-skip-pasv-ip", "PASV"),
    ("eprt", "--ftp-port -", "EPRT"), ("port", "--ftp-port - --disable-eprt", "PORT"),
  ]

  /// Lists, downloads and uploads in all four ways, and compares.
  private func transfer(_ network: InlineNetwork, from client: String, to server: String) throws {
    for mode in Self.modes {
      let curl = "curl -sS --max-time 20 \(mode.options)"
      let list = network.run(in: client, "\(curl) ftp://\(server)/")
      #expect(list.status == 0 && list.output.contains("incoming"), "\(list.output)")
      #expect(list.output.contains("10000000"), "\(list.output)")
      let download = network.run(in: client, "\(curl) -o \(mode.name).copy ftp://\(server)/big")
      #expect(download.status == 0, "\(mode.name): \(download.output)")
      let upload = network.run(in: client, "\(curl) -T big ftp://\(server)/incoming/\(mode.name)")
      #expect(upload.status == 0, "\(mode.name): \(upload.output)")
      let hashes = InlineNetwork.shell(
        "cd \(network.folder.path) && sha256sum big \(mode.name).copy ftp/incoming/\(mode.name) | cut -c1-64 | uniq -c")
      #expect(hashes.output.split(separator: " ").first == "3", "\(mode.name): \(hashes.output)")
      let log = try String(contentsOfFile: network.path("ftp.log"), encoding: .utf8)
      // A list, a download and an upload, none of which went another way instead.
      let count = log.split(separator: "\n").count { $0.contains("FTP command") && $0.contains("\"\(mode.command)") }
      #expect(count == 3, "\(mode.command): \(log)")
    }
  }

  @Test("FTP of a host behind it: lists, downloads and uploads of 10 MB, by EPSV, PASV, EPRT and PORT")
  func ftpClient() throws {
    let network = try InlineNetwork(.translated)
    network.makeFile("big", count: 10_000_000)
    try startFTPServer(network, in: network.server)
    let box = try startNAT(network)
    try transfer(network, from: network.client, to: "203.0.113.2")
    let summary = try network.end(box, "box")
    // EPRT and PORT of a list, a download and an upload each; what servers outside say stays as it is.
    #expect(summary.contains("FTP ends translated") && !summary.contains("FTP ends refused"), "\(summary)")
    #expect(summary.split(separator: "\n").contains { $0.contains("FTP ends translated") && $0.hasSuffix(" 6") })
    // The server saw the NAT's address, also in what PORT says.
    let log = try String(contentsOfFile: network.path("ftp.log"), encoding: .utf8)
    #expect(log.contains("\"PORT 203,0,113,1,") && log.contains("\"EPRT |1|203.0.113.1|"), "\(log)")
    #expect(log.contains("203.0.113.1") && !log.contains("192.168.7.2") && !log.contains("192,168,7,2"))
    // Twelve control connections, six data connections of the client, and six ends for those of the server.
    #expect(mappings(network).count == 24)
    #expect(mappings(network).allSatisfy { $0.hasPrefix("tcp 192.168.7.2:") && $0.contains(" = 203.0.113.1:") })
  }

  @Test("FTP of a server behind it, by a forward of port 21: the same in all four ways")
  func ftpServer() throws {
    let network = try InlineNetwork(.translated)
    network.makeFile("big", count: 10_000_000)
    try startFTPServer(network, in: network.client)
    let box = try startNAT(network, ["protocol: tcp, ports: 21, to: 192.168.7.2"])
    try transfer(network, from: network.server, to: "203.0.113.1")
    let summary = try network.end(box, "box")
    #expect(summary.split(separator: "\n").contains { $0.contains("FTP ends translated") && $0.hasSuffix(" 6") })
    #expect(!summary.contains("FTP ends refused"), "\(summary)")
  }

  @Test("where FTP is not translated, the server refuses the private address in PORT, and PASV works")
  func untranslatedFTP() throws {
    let network = try InlineNetwork(.translated)
    network.makeFile("big", count: 10_000)
    try startFTPServer(network, in: network.server)
    let box = try startNAT(network, translatesFTP: false)
    let active = network.run(
      in: network.client, "curl -sS --max-time 10 --ftp-port - --disable-eprt ftp://203.0.113.2/big | cmp - big")
    #expect(active.status != 0)
    let passive = network.run(
      in: network.client, "curl -sS --max-time 10 --disable-epsv ftp://203.0.113.2/big | cmp - big")
    #expect(passive.status == 0, "\(passive.output)")
    _ = try network.end(box, "box")
    let log = try String(contentsOfFile: network.path("ftp.log"), encoding: .utf8)
    #expect(log.contains("\"PORT 192,168,7,2,") && log.contains("500 Illegal PORT command"), "\(log)")
  }

  @Test(
    "HTTP, pings and UDP of a host behind it, a forward from outside, and nothing else from outside, for any worker",
    arguments: [1, 2])
  func otherTraffic(workers: Int) throws {
    let network = try InlineNetwork(.translated)
    network.makeFile("big", count: 10_000_000)
    for (name, port) in [(network.server, 80), (network.client, 8_080), (network.client, 9_000)] {
      try network.start(
        in: name, ["python3", "-u", "-m", "http.server", "--bind", "0.0.0.0", "\(port)"], messages: "web\(port)")
      _ = network.wait { network.run(in: name, "ss -ltn | grep -q ':\(port) '").status == 0 }
    }
    let box = try startNAT(
      network, ["protocol: tcp, ports: 80, to: 192.168.7.2, to-port: 8080"], workers: workers)
    let download = network.run(
      in: network.client, "curl -s --local-port 40000 --max-time 20 http://203.0.113.2/big | cmp - big")
    #expect(download.status == 0, "\(download.output)")
    let inward = network.run(in: network.server, "curl -s --max-time 20 http://203.0.113.1/big | cmp - big")
    #expect(inward.status == 0, "\(inward.output)")
    let ping = network.run(in: network.client, "ping -q -c 10 -i 0.05 -W 2 203.0.113.2")
    #expect(ping.output.contains("10 received"), "\(ping.output)")
    try network.start(in: network.server, ["python3", "-u", "-c", Self.echoServer], messages: "echo")
    _ = network.wait { network.output("echo").contains("ready") }
    let echo = network.run(in: network.client, "python3 -c '\(Self.echoClient)'")
    #expect(echo.output == "203.0.113.1 40001\n", "\(echo.output)")
    let refused = network.run(in: network.server, "curl -s --max-time 2 http://203.0.113.1:9000/big | cmp -s - big")
    #expect(refused.status != 0)

    let summary = try network.end(box, "box")
    #expect(summary.contains("dropped: no mapping"), "\(summary)")
    // What the servers say of who asked them.
    #expect(network.messages("web80").hasPrefix("203.0.113.1 - - "), "\(network.messages("web80"))")
    #expect(network.messages("web8080").hasPrefix("203.0.113.2 - - "), "\(network.messages("web8080"))")
    #expect(!network.messages("web9000").contains("GET"))
    let mappings = mappings(network)
    #expect(mappings.contains("tcp 192.168.7.2:40000 = 203.0.113.1:40000"), "\(mappings)")
    #expect(mappings.contains("udp 192.168.7.2:40001 = 203.0.113.1:40001"), "\(mappings)")
    #expect(mappings.contains { $0.hasPrefix("icmp 192.168.7.2:") }, "\(mappings)")
  }

  /// Says to its senders what they are called here.
  private static let echoServer = """
    import socket
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("203.0.113.2", 7000))
    print("ready")
    while True:
        _, sender = s.recvfrom(2048)
        s.sendto(("%s %d" % sender).encode(), sender)
    """
  private static let echoClient = """
    import socket
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(3)
    s.bind(("", 40001))
    s.sendto(b"?", ("203.0.113.2", 7000))
    print(s.recv(2048).decode())
    """
}
