import MOSCore

/// A hello: the first message of a side.
struct TLSMessage: Hashable, Sendable {
  enum Kind: UInt8, Sendable {
    case clientHello, serverHello
  }

  var kind: Kind
  /// Who sent it. Of a flow whose beginning was not seen the client can be what the tracker calls the server.
  var sender: Side
  /// Of a server the version that it chose, of a client the highest that it offers; as on the wire, 0x0303 is TLS 1.2.
  var version: UInt16
}

/// What takes the buffers of TLS's hellos.
///
/// The order is the same however the stream was cut: a hello's buffers when all of it has come, then its end. A buffer that
/// a hello does not have is not handed out.
protocol TLSSink {
  /// Takes a buffer. The bytes are there during the call only.
  mutating func take(_ buffer: InspectionBuffer, _ bytes: UnsafeRawBufferPointer, of message: TLSMessage)

  /// The hello is over: all of its buffers have been handed out. `behind` counts the bytes at hand that come behind it.
  mutating func end(_ message: TLSMessage, behind: Int)

  /// Something is not as it should be in what a side sends.
  mutating func note(_ anomaly: TLSAnomaly, from sender: Side)
}

/// What is wrong with the beginning of a TLS stream, or was not looked at. Behind each, except `invalidHello`, nothing of
/// the direction is looked at.
enum TLSAnomaly: UInt8, Sendable, CaseIterable {
  /// A record that cannot be one: its length is 0 or beyond what RFC 8446 5.1 allows.
  case invalidRecord
  /// Handshake records whose first message is no hello, or another record than an alert inside of a hello.
  case unexpectedMessage
  /// More alerts before the hello than the limit.
  case tooManyRecords
  /// A hello that is longer than the limit, or for which there was no room.
  case messageTooLong
  /// A length in the hello is a lie. The name before the lie is handed out, fingerprints are not.
  case invalidHello
  /// Bytes of the stream were lost before the hello was complete.
  case gap
  /// The side sends no more, and the hello is not complete.
  case truncated
}
