import MOSCore

/// A request or a response.
struct HTTPMessage: Hashable, Sendable {
  /// Which of the flow's transactions it belongs to, from 0. A response has its request's number.
  var transaction: UInt32
  /// Who sent it: the client a request, the server a response.
  var sender: Side
}

/// What takes the buffers of HTTP messages as they are finished.
///
/// The order is the same however the stream was cut: the parts of a head when the head has come, then the body when it is
/// complete or has reached the limit, then the trailer's fields, as a header of their own; then the message's end. A buffer
/// that a message does not have is not handed out, nor is an empty body. Interim responses (1xx) come before the response
/// of the same transaction, and have no end of their own.
protocol HTTPSink {
  /// Takes a buffer. The bytes are there during the call only. A body that is not `isWhole` comes again with what follows,
  /// each time from its beginning; this is only where `HTTPLimits.growingBodies` asks for it.
  mutating func take(
    _ buffer: InspectionBuffer, _ bytes: UnsafeRawBufferPointer, isWhole: Bool, of message: HTTPMessage)

  /// The message is over: all of its buffers have been handed out. `behind` counts the bytes at hand that come behind it.
  mutating func end(_ message: HTTPMessage, behind: Int)

  /// Something is not as it should be in the message that comes, or goes on, with this number.
  mutating func note(_ anomaly: HTTPAnomaly, in message: HTTPMessage)
}

/// What is wrong with a message, or was not looked at.
enum HTTPAnomaly: UInt8, Sendable, CaseIterable {
  /// Transfer-Encoding and Content-Length: who heeds which sees other messages. Chunks are what counts (RFC 9112 6.3).
  case bothLengths
  /// Several values of Content-Length; the first counts.
  case differentLengths
  /// A Content-Length that is no number: there is no body, or one until the end of the stream.
  case invalidLength
  /// A Transfer-Encoding that does not end with chunks.
  case invalidTransferEncoding
  /// A chunk without a length. What follows of a request is not looked at, of a response it is the body.
  case invalidChunk
  /// A line that is neither empty nor begins a message was left out.
  case garbage
  /// The head is longer than the limit.
  case headTooLong
  /// More fields than the limit.
  case tooManyFields
  /// More requests without response than the limit; what follows is not looked at.
  case tooManyTransactions
  /// The body's encoding is broken, is not what the head says, or has more layers than the limit.
  case invalidEncoding
  /// The body's encoding yields more than the limits: a bomb.
  case tooMuchDecoded
  /// Bytes of the stream were lost. Inside a body they are left out, elsewhere the direction is not looked at any more.
  case gap
}
