import DualStackTracker
import MOSCore

/// Hands buffers of messages to a detector.
struct MessageSink {
  let detector: Detector
  let flow: InspectedFlow
  let record: FlowRecord
  let time: Timestamp
  /// The datagram that has the message; nil in a stream.
  var packet: UnsafeRawBufferPointer?

  func context(_ receiver: Side, _ transaction: UInt32? = nil) -> Detector.Context {
    Detector.Context(
      flow: flow, record: record, receiver: receiver, time: time, transaction: transaction, packet: packet)
  }

  private func take(
    _ buffer: InspectionBuffer, _ bytes: UnsafeRawBufferPointer, isWhole: Bool = true, of name: ApplicationProtocol,
    from sender: Side, _ transaction: UInt32? = nil
  ) {
    flow.application = name
    detector.take(buffer, bytes, isWhole: isWhole, context(sender.peer, transaction))
  }

  private func end(of name: ApplicationProtocol, from sender: Side, _ transaction: UInt32? = nil, behind: Int) {
    flow.application = name
    var context = context(sender.peer, transaction)
    context.behind = behind
    detector.end(context)
  }
}

extension MessageSink: HTTPSink {
  func take(_ buffer: InspectionBuffer, _ bytes: UnsafeRawBufferPointer, isWhole: Bool, of message: HTTPMessage) {
    take(buffer, bytes, isWhole: isWhole, of: .http, from: message.sender, message.transaction)
  }

  func end(_ message: HTTPMessage, behind: Int) {
    end(of: .http, from: message.sender, message.transaction, behind: behind)
  }

  func note(_ anomaly: HTTPAnomaly, in message: HTTPMessage) {}
}

extension MessageSink: TLSSink {
  func take(_ buffer: InspectionBuffer, _ bytes: UnsafeRawBufferPointer, of message: TLSMessage) {
    take(buffer, bytes, of: .tls, from: message.sender)
  }

  func end(_ message: TLSMessage, behind: Int) { end(of: .tls, from: message.sender, behind: behind) }

  func note(_ anomaly: TLSAnomaly, from sender: Side) {}
}

extension MessageSink: DNSSink {
  func take(_ buffer: InspectionBuffer, _ bytes: UnsafeRawBufferPointer, of message: DNSMessage) {
    take(buffer, bytes, of: .dns, from: message.sender, message.number)
  }

  func end(_ message: DNSMessage, behind: Int) {
    end(of: .dns, from: message.sender, message.number, behind: behind)
  }

  func note(_ anomaly: DNSAnomaly, in message: DNSMessage) {}
}
