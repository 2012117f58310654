import MOSCore

@testable import Middleboxes

/// A hello as bytes.
struct TLSHelloFixture {
  var type: UInt8 = 1
  var version: UInt16 = 0x0303
  var ciphers: [UInt16] = [0x1301]
  var extensions: [(type: UInt16, data: [UInt8])] = []
  /// What is behind the extensions.
  var rest: [UInt8] = []

  static func bytes(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xff)] }

  static func part8(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count)] + bytes }

  static func part16(_ part: [UInt8]) -> [UInt8] { bytes(UInt16(part.count)) + part }

  static func list(_ numbers: [UInt16]) -> [UInt8] { numbers.flatMap(bytes) }

  /// A server_name extension with these names.
  static func names(_ names: String...) -> (type: UInt16, data: [UInt8]) {
    (0, part16(names.flatMap { [0] + part16(Array($0.utf8)) }))
  }

  static func protocols(_ names: [UInt8]...) -> (type: UInt16, data: [UInt8]) { (16, part16(names.flatMap(part8))) }

  /// The handshake message.
  var message: [UInt8] {
    var body = Self.bytes(version) + [UInt8](repeating: 7, count: 32) + Self.part8([1, 2, 3])
    if type == 1 {
      body += Self.part16(Self.list(ciphers)) + Self.part8([0])
    } else {
      body += Self.bytes(ciphers[0]) + [0]
    }
    if !extensions.isEmpty {
      body += Self.part16(extensions.flatMap { Self.bytes($0.type) + Self.part16($0.data) })
    }
    body += rest
    return [type, UInt8(body.count >> 16), UInt8(body.count >> 8 & 0xff), UInt8(body.count & 0xff)] + body
  }

  /// The message in records of this many bytes.
  func records(of size: Int = 16_384) -> [UInt8] { Self.records(message, of: size) }

  static func records(_ message: [UInt8], of size: Int = 16_384, type: UInt8 = 22) -> [UInt8] {
    stride(from: 0, to: message.count, by: size).flatMap { start in
      [type, 3, 1] + part16(Array(message[start..<min(start + size, message.count)]))
    }
  }

  /// What Chrome sends, with the values that FoxIO's description of JA4 has as its example, and GREASE.
  static let chrome: TLSHelloFixture = {
    var hello = TLSHelloFixture()
    hello.ciphers = [
      0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d,
      0x002f, 0x0035,
    ]
    let algorithms: [UInt16] = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]
    hello.extensions = [
      (0x2a2a, []), (0x001b, [2, 0, 2]), names("www.example.com"), (0x0033, [0, 0]),
      protocols(Array("h2".utf8), Array("http/1.1".utf8)), (0x4469, []), (0x0017, []), (0x002d, [1, 1]),
      (0x000d, part16(list(algorithms))), (0x0005, [1, 0, 0, 0, 0]), (0x0023, []), (0x0012, []),
      (0x002b, part8(list([0x3a3a, 0x0304, 0x0303]))), (0xff01, [0]), (0x000b, [1, 0]),
      (0x000a, part16(list([0x4a4a, 29, 23, 24]))), (0x0015, [UInt8](repeating: 0, count: 8)), (0x8a8a, [0]),
    ]
    return hello
  }()

  /// The answer of a server that chooses TLS 1.3.
  static let answer: TLSHelloFixture = {
    var hello = TLSHelloFixture()
    hello.type = 2
    hello.extensions = [(51, [0, 29, 0, 0]), (43, [3, 4])]
    return hello
  }()
}

/// What happens to a flow.
enum TLSStep {
  case sends(Side, [UInt8])
  case loses(Side)
  case closes(Side)
}

/// A conversation and what an inspector hands out of it.
struct TLSFixture {
  var steps: [TLSStep]
  var limits = TLSLimits()

  init(_ steps: TLSStep..., limits: TLSLimits = TLSLimits()) {
    self.steps = steps
    self.limits = limits
  }

  /// All that is handed out when each step's bytes come in the pieces into which `cut` cuts them.
  func entries(_ cut: (Int) -> [Int] = { [$0] }) -> [TLSTranscript.Entry] {
    var transcript = TLSTranscript(limits: limits)
    for step in steps {
      switch step {
      case .sends(let side, let bytes):
        var start = 0
        for length in cut(bytes.count) {
          // A copy, so that whoever reads behind it or keeps it is caught by the sanitizer.
          Array(bytes[start..<start + length]).withUnsafeBytes { transcript.take($0, from: side) }
          start += length
        }
      case .loses(let side): transcript.skip(from: side)
      case .closes(let side): transcript.finish(side)
      }
    }
    transcript.end()
    precondition(transcript.partialHellos == 0)
    return transcript.entries
  }

  /// Buffers by their keywords.
  var buffers: [String: String] {
    Dictionary(entries().map { ($0.name, String(decoding: $0.bytes, as: UTF8.self)) }) { $0 + "|" + $1 }
  }

  /// What is said of the sides.
  var anomalies: [String] { entries().map(\.name).filter { $0.hasPrefix("!") } }

  /// The versions of hellos.
  var versions: [[UInt8]] { entries().filter { $0.name == "end" }.map(\.bytes) }
}

extension TLSStep {
  static func client(_ hello: TLSHelloFixture) -> TLSStep { .sends(.client, hello.records()) }
  static func server(_ hello: TLSHelloFixture) -> TLSStep { .sends(.server, hello.records()) }
}
