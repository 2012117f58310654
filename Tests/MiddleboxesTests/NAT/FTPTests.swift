import MOSCore
import MTCP
import PacketIO
import TestSupport
import Testing

@testable import Middleboxes

@Suite("NAT: FTP (RFC 959, RFC 2428)")
struct NATFTPTests {
  private let free = "keep-port: no\nports: 50000-50000\n"

  @Test("PORT names the client's external end, the server's connection to it arrives, and both streams go on")
  func port() throws {
    let net = try NATFixture("filtering: address-and-port-dependent")
    let control = FTPControl(net)
    control.say(fromClient: false, "220 ready\r\n")
    control.say(fromClient: true, "USER a\r\nPORT 10,0,0,1,156,65\r\nLIST\r\n")
    control.say(fromClient: false, "200 fine\r\n150 here\r\n")
    control.say(fromClient: true, "QUIT\r\n")
    #expect(control.commands == "USER a\r\nPORT 198,51,100,1,156,65\r\nLIST\r\nQUIT\r\n")
    #expect(control.replies == "220 ready\r\n200 fine\r\n150 here\r\n")
    #expect(control.client.acknowledged == control.client.next && control.wrong == 0)
    #expect(net.tcp("203.0.113.1:20", "198.51.100.1:40001", .syn) == "203.0.113.1:20 > 10.0.0.1:40001")
    #expect(net.tcp("203.0.113.1:33333", "198.51.100.1:40001", .syn) == "203.0.113.1:33333 > 10.0.0.1:40001")
    #expect(net.tcp("203.0.113.2:20", "198.51.100.1:40001", .syn) == nil)
    #expect(net.nat.counters.ftpTranslated == 1 && net.nat.counters.ftpRefused == 0)
  }

  @Test("EPRT does too, whatever stands between its parts, and small letters are letters")
  func extendedPort() throws {
    let net = try NATFixture()
    let control = FTPControl(net)
    control.say(fromClient: true, "EPRT |1|10.0.0.1|40001|\r\nePrt !1!10.0.0.1!40002!\nport 10,0,0,1,156,67 \r\n")
    #expect(
      control.commands
        == "EPRT |1|198.51.100.1|40001|\r\nePrt !1!198.51.100.1!40002!\nport 198,51,100,1,156,67 \r\n")
    for port in 40_001...40_003 {
      #expect(net.tcp("203.0.113.1:20", "198.51.100.1:\(port)", .syn) == "203.0.113.1:20 > 10.0.0.1:\(port)")
    }
  }

  @Test("The replies 227 and 229 of a server behind the NAT name its external end, to which its client can connect")
  func passive() throws {
    for (reply, seen) in [
      ("227 Entering Passive Mode (10,0,0,5,195,81).\r\n", "227 Entering Passive Mode (198,51,100,1,195,80).\r\n"),
      ("227 =10,0,0,5,195,81\r\n", "227 =198,51,100,1,195,80\r\n"),
      ("229 Passive (|||50001|)\r\n", "229 Passive (|||50000|)\r\n"),
    ] {
      let net = try NATFixture(
        free + "forwards: [{protocol: tcp, external: 198.51.100.1, ports: 21, to: 10.0.0.5}]")
      let control = FTPControl(
        net, client: "203.0.113.1:3000", seenAs: "203.0.113.1:3000", server: "10.0.0.5:21", knownAs: "198.51.100.1:21")
      control.say(fromClient: true, "PASV\r\n")
      control.say(fromClient: false, reply)
      #expect(control.replies == seen && control.commands == "PASV\r\n" && control.wrong == 0)
      #expect(net.tcp("203.0.113.1:3001", "198.51.100.1:50000", .syn) == "203.0.113.1:3001 > 10.0.0.5:50001")
      #expect(net.tcp("203.0.113.9:3001", "198.51.100.1:50000", .syn) == nil)
    }
  }

  @Test("A host with an address of its own is named by it, with its own port")
  func oneToOne() throws {
    let net = try NATFixture("one-to-one: [{internal: 10.0.0.9, external: 198.51.100.9}]")
    let control = FTPControl(
      net, client: "10.0.0.9:3000", seenAs: "198.51.100.9:3000", server: "203.0.113.1:21", knownAs: "203.0.113.1:21")
    control.say(fromClient: true, "PORT 10,0,0,9,156,65\r\n")
    #expect(control.commands == "PORT 198,51,100,9,156,65\r\n" && net.nat.counters.created == 0)
  }

  @Test(
    "However a line is cut, its receiver gets the same, and its sender is acknowledged", arguments: [1, 2, 3, 7, 19])
  func cuts(size: Int) throws {
    let lines = "USER p\r\nPORT 10,0,0,1,156,65\r\nPORT 10,0,0,1\r\nPOR\r\nPASV\r\nEPRT |1|10.0.0.1|40002|\r\nQUIT\r\n"
    let whole = FTPControl(try NATFixture())
    whole.say(fromClient: true, lines)
    let cut = FTPControl(try NATFixture())
    cut.say(fromClient: true, lines, size: size)
    #expect(
      whole.commands.contains("PORT 198,51,100,1,156,65\r\nPORT 10,0,0,1\r\nPOR\r\nPASV\r\nEPRT |1|198.51.100.1|40002|")
    )
    #expect(cut.commands == whole.commands && cut.wrong == 0)
    #expect(cut.client.acknowledged == cut.client.next && cut.client.next == whole.client.next)
    cut.say(fromClient: false, "221 Goodbye\r\n", size: size)
    #expect(cut.replies == "221 Goodbye\r\n")
  }

  @Test("What is kept of a cut line is acknowledged, with timestamps where the segment has some, each time it comes")
  func acknowledgment() throws {
    let control = FTPControl(try NATFixture())
    let stamp: [UInt8] = [1, 1, 8, 10, 0, 0, 0, 5, 0, 0, 0, 9]
    for _ in 0..<2 {
      #expect(control.send(fromClient: true, Array("PORT 10,0".utf8), at: 1_001, options: stamp) == 2)
      #expect(control.client.acknowledged == 1_010 && control.server.received.isEmpty)
      let answer = try #require(control.net.script.output.last)
      #expect(Array(answer.bytes[54..<66]) == [1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 5])
    }
  }

  @Test("What is sent again is changed in the same way again; what comes before its time is dropped and comes again")
  func again() throws {
    let control = FTPControl(try NATFixture())
    let line = Array("PORT 10,0,0,1,156,65\r\n".utf8)
    #expect(control.send(fromClient: true, Array("LIST\r\n".utf8), at: 1_001 + UInt32(line.count)) == 0)
    control.send(fromClient: true, line)
    let first = control.net.script.output.last?.bytes
    control.server.received = []
    control.server.expected = 1_001
    control.send(fromClient: true, line)
    #expect(control.net.script.output.last?.bytes.dropFirst(54) == first?.dropFirst(54))
    control.client.next += UInt32(line.count)
    control.say(fromClient: true, "LIST\r\n")
    #expect(control.net.nat.counters.ftpTranslated == 1)
  }

  @Test(
    "Nobody opens others' ports, or low ones: the line passes as it is, and no mapping begins",
    arguments: [
      "PORT 10,0,0,2,156,65\r\n", "PORT 203,0,113,9,156,65\r\n", "PORT 10,0,0,1,0,22\r\n", "PORT 10,0,0,1,3,255\r\n",
      "EPRT |1|10.0.0.2|40001|\r\n", "EPRT |1|10.0.0.1|1023|\r\n", "EPRT |1|10.0.0.1|0|\r\n",
    ])
  func hostile(line: String) throws {
    let net = try NATFixture()
    let control = FTPControl(net)
    control.say(fromClient: true, line)
    #expect(control.commands == line && net.nat.counters.created == 1 && net.nat.counters.ftpRefused == 1)
  }

  @Test(
    "What is no such line passes as it is",
    arguments: [
      "PORT\r\n", "PORT 10,0,0,1,156\r\n", "PORT 10,0,0,1,156,256\r\n", "PORT 10,0,0,0001,1,1\r\n",
      "PORT10,0,0,1,9,9\r\n",
      "PORT 10,0,0,1,156,65,1\r\n", "EPRT |2|2001:db8::1|40001|\r\n", "EPRT |1|10.0.0.1|99999|\r\n",
      "EPRT |1|10.0.0.1|40001\r\n", "EPRT 11110.0.0.11400011\r\n", "XPORT 10,0,0,1,156,65\r\n",
      "227 (10,0,0,1,156,65)\r\n", "PORT 10,0,0,1,156,65" + String(repeating: " ", count: 240) + "\r\n",
      "PORT " + String(repeating: "9", count: 5_000) + "\r\n",
    ])
  func others(line: String) throws {
    for size in [1, 1_000] {
      let net = try NATFixture()
      let control = FTPControl(net)
      control.say(fromClient: true, line + "NOOP\r\n", size: size)
      #expect(control.commands == line + "NOOP\r\n" && net.nat.counters.created == 1)
    }
  }

  @Test("Without ports left the line passes as it is")
  func noPort() throws {
    let net = try NATFixture("ports: 40000-40000")
    let control = FTPControl(net)
    control.say(fromClient: true, "PORT 10,0,0,1,156,65\r\n")
    #expect(control.commands == "PORT 10,0,0,1,156,65\r\n" && net.nat.counters.ftpRefused == 1)
  }

  @Test("RFC 4787 REQ-10 a, RFC 5382 REQ-6: FTP is on by default, the one gateway, and off with ftp: no")
  func off() throws {
    let line = "PORT 10,0,0,1,156,65\r\n"
    let on = FTPControl(try NATFixture())
    on.say(fromClient: true, line)
    #expect(on.commands != line && on.net.nat.counters.ftpTranslated == 1)
    let control = FTPControl(try NATFixture("ftp: no"))
    control.say(fromClient: true, line)
    #expect(control.commands == line)
    for port in [80, 194, 554, 1_720, 1_723, 2_000, 5_060, 6_667] {
      let server = "203.0.113.1:\(port)"
      let other = FTPControl(
        try NATFixture(), client: "10.0.0.1:40000", seenAs: "198.51.100.1:40000", server: server, knownAs: server)
      other.say(fromClient: true, line)
      #expect(other.commands == line)
    }
  }

  @Test(
    "A session of a real client and server passes, when the server stands behind the NAT, with its data connections")
  func capture() throws {
    let file = "ftp__bigtransfer.pcap"
    guard let path = SharedMaterial.captures().first(where: { $0.hasSuffix(file) }) else {
      return print("ftp: \(file) is absent (set MOS_SHARED): skipped")
    }
    for isOn in [true, false] {
      let net = try NATFixture(
        """
        ftp: \(isOn ? "yes" : "no")
        forwards: [{protocol: tcp, external: 198.51.100.1, ports: 21, to: 10.0.0.5}]
        """)
      let (external, host): ([UInt8], [UInt8]) = ([198, 51, 100, 1], [10, 0, 0, 5])
      let server: [UInt8] = [192, 168, 56, 101]
      var reader = try CaptureReader(path: path)
      let frames = UnsafeMutablePointer<CapturedFrame>.allocate(capacity: 1)
      defer { frames.deallocate() }
      var (control, data, passed) = (0, 0, 0)
      while try reader.next(into: frames, capacity: 1) == 1 {
        var frame = Array(UnsafeRawBufferPointer(start: frames[0].bytes, count: Int(frames[0].capturedLength)))
        guard frame.count >= 54, frame[12...13] == [8, 0], frame[23] == 6 else { continue }
        // The server is behind the NAT, and its client knows the NAT's address.
        if Array(frame[26..<30]) == server { Self.replace(at: 26, with: host, in: &frame) }
        if Array(frame[30..<34]) == server { Self.replace(at: 30, with: external, in: &frame) }
        let isControl = [frame[34...35], frame[36...37]].contains([0, 21])
        if isControl { control += 1 } else { data += 1 }
        if !net.send(frame).isEmpty { passed += 1 }
      }
      #expect(control > 30 && data > 20)
      #expect(isOn ? passed == control + data : passed < control + data)
      #expect(net.nat.counters.ftpTranslated == (isOn ? 2 : 0))
    }
  }

  private static func replace(at place: Int, with address: [UInt8], in frame: inout [UInt8]) {
    for field in [24, 50] {
      var sum = UInt32(~(UInt16(frame[field]) << 8 | UInt16(frame[field + 1])))
      for index in [0, 2] {
        sum += UInt32(~(UInt16(frame[place + index]) << 8 | UInt16(frame[place + index + 1])))
        sum += UInt32(UInt16(address[index]) << 8 | UInt16(address[index + 1]))
      }
      while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
      frame.replaceSubrange(field..<field + 2, with: be(~UInt16(sum)))
    }
    frame.replaceSubrange(place..<place + 4, with: address)
  }
}
