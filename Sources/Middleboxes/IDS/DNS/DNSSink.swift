import MOSCore

/// A query or a response.
struct DNSMessage: Hashable, Sendable {
  /// Which of its flow's messages in its direction it is, from 0.
  var number: UInt32
  /// Who sent it.
  var sender: Side
  var isResponse = false
}

/// What takes the buffers of DNS messages.
///
/// The order is the same however a stream was cut: the names of a query, one buffer each, then the message's end. Of a
/// response no name is handed out: its question repeats the query's.
protocol DNSSink {
  /// Takes a buffer. The bytes are there during the call only.
  mutating func take(_ buffer: InspectionBuffer, _ bytes: UnsafeRawBufferPointer, of message: DNSMessage)

  /// The message is over: all of its buffers have been handed out. `behind` counts the bytes at hand that come behind it.
  mutating func end(_ message: DNSMessage, behind: Int)

  /// Something is not as it should be in the message that comes, or goes on, with this number.
  mutating func note(_ anomaly: DNSAnomaly, in message: DNSMessage)
}

/// What is wrong with a message, or was not looked at.
enum DNSAnomaly: UInt8, Sendable, CaseIterable {
  /// The message ends inside of a question, or a label is of a kind that is none. What is before it was handed out.
  case malformed
  /// It has no header of DNS, or a header that asks for more than the message has room for. It is no message; nor is what
  /// follows in a stream.
  case notDNS
  /// A name is longer than the limit; its beginning is handed out.
  case nameTooLong
  /// A name has more labels and pointers than the limit: its pointers go round. What is before is handed out.
  case tooManyLabels
  /// More questions than the limit.
  case tooManyQuestions
  /// There was no room for what a stream brought; the direction is not looked at any more.
  case noRoom
  /// Bytes of the stream were lost; behind them a message is taken to begin.
  case gap
  /// The side sends no more, and the message is not complete.
  case truncated
}
