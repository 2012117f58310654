import MOSCore

/// How far the bytes of one side of a flow have been read.
struct HTTPDirection {
  enum State {
    /// Between messages.
    case start
    case firstLine, fields
    /// `remaining` bytes of a body follow.
    case body
    case untilClose
    case chunkLine
    /// `remaining` bytes of a chunk follow.
    case chunk
    case chunkEnd
    case trailer
    /// Behind CONNECT: its response tells whether more requests follow.
    case waiting
    case stopped
  }

  var state = State.start
  var block = HTTPBlock()
  var body = HTTPBody()
  var message: HTTPMessage
  var remaining: UInt64 = 0
  var chunkLine = HTTPChunkLine()
  /// Whether a message has begun.
  var hasBegun = false
  /// Bytes that were left out since the last message.
  var garbage = 0
  /// The state behind the message that is being read.
  var next = State.start
  /// Bytes that wait with the state of that name.
  var waiting: [UInt8] = []

  init(_ sender: Side) { message = HTTPMessage(transaction: 0, sender: sender) }

  /// Whether a message is being read of which a part was handed out.
  var isInMessage: Bool {
    switch state {
    case .body, .untilClose, .chunkLine, .chunk, .chunkEnd, .trailer: true
    case .start, .firstLine, .fields, .waiting, .stopped: false
    }
  }
}
