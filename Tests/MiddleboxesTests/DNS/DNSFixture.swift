import MOSCore

@testable import Middleboxes

/// A message as bytes.
struct DNSMessageFixture {
  var flags: UInt16 = 0x0100
  /// As many questions as there are, if nothing else is said.
  var questionCount: UInt16?
  var recordCounts: [UInt16] = [0, 0, 0]
  /// Names as they are on the wire; type and class follow each.
  var names: [[UInt8]] = []
  var rest: [UInt8] = []

  init(_ names: String...) { self.names = names.map(Self.name) }

  init(names: [[UInt8]]) { self.names = names }

  /// Labels with their lengths, and the root.
  static func name(_ text: String) -> [UInt8] {
    text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
  }

  var bytes: [UInt8] {
    let counts = [questionCount ?? UInt16(names.count)] + recordCounts
    return ([0x1234, flags] + counts).flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
      + names.flatMap { $0 + [0, 1, 0, 1] } + rest
  }

  /// The message in a stream.
  var inStream: [UInt8] { [UInt8(bytes.count >> 8), UInt8(bytes.count & 0xff)] + bytes }

  static let response: DNSMessageFixture = {
    var message = DNSMessageFixture("example.com")
    message.flags = 0x8180
    message.recordCounts = [1, 0, 0]
    message.rest = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4]
    return message
  }()
}

/// What an inspector hands out of datagrams, or of a stream in pieces.
enum DNSFixture {
  typealias Entry = DNSTranscript.Entry

  static func datagrams(_ messages: [UInt8]..., limits: DNSLimits = DNSLimits()) -> [Entry] {
    var transcript = DNSTranscript(limits: limits)
    // A copy, so that whoever reads behind it or keeps it is caught by the sanitizer.
    for message in messages { Array(message).withUnsafeBytes { transcript.take(datagram: $0, from: .client) } }
    transcript.end()
    return transcript.entries
  }

  static func stream(_ bytes: [UInt8], _ lengths: [Int]? = nil) -> [Entry] {
    var transcript = DNSTranscript()
    var start = 0
    for length in lengths ?? [bytes.count] {
      Array(bytes[start..<start + length]).withUnsafeBytes { transcript.take($0, from: .client) }
      start += length
    }
    transcript.end()
    precondition(transcript.partialMessages == 0)
    return transcript.entries
  }

  static func stream(_ bytes: [UInt8], of size: Int) -> [Entry] {
    stream(bytes, stride(from: 0, to: bytes.count, by: size).map { min(size, bytes.count - $0) })
  }
}

extension [DNSTranscript.Entry] {
  var names: [String] { filter { $0.name == "dns.query" }.map { String(decoding: $0.bytes, as: UTF8.self) } }

  var anomalies: [String] { map(\.name).filter { $0.hasPrefix("!") } }
}
