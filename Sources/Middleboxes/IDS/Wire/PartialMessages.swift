/// Messages of many flows of which only a part has come: their bytes, until the rest comes.
///
/// Memory follows what came, whatever a message says of its length, and has one limit for all.
struct PartialMessages {
  /// Names a message; 0 is none.
  typealias Place = UInt32

  private static let keptCapacity = 4096
  private let limit: Int
  /// The first one has no message.
  private var messages: [[UInt8]] = [[]]
  private var free: [Place] = []
  /// Bytes that are kept now.
  private(set) var bytes = 0

  init(limit: Int) { self.limit = limit }

  /// Messages that are kept now.
  var count: Int { messages.count - 1 - free.count }

  /// How much of a message has come.
  func length(of place: Place) -> Int { messages[Int(place)].count }

  /// Adds to a message, a new one where `place` is 0. Returns whether there was room.
  mutating func append(_ part: UnsafeRawBufferPointer, to place: inout Place) -> Bool {
    if part.isEmpty { return true }
    guard part.count <= limit - bytes else { return false }
    if place == 0 {
      if let known = free.popLast() {
        place = known
      } else {
        place = Place(messages.count)
        messages.append([])
      }
    }
    messages[Int(place)].append(contentsOf: part)
    bytes += part.count
    return true
  }

  /// Calls `body` with what there is of a message.
  func withBytes<Result>(of place: Place, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    messages[Int(place)].withUnsafeBytes(body)
  }

  /// Takes a message out.
  mutating func take(_ place: inout Place) -> [UInt8] {
    var message: [UInt8] = []
    swap(&message, &messages[Int(place)])
    bytes -= message.count
    if place != 0 { free.append(place) }
    place = 0
    return message
  }

  /// Forgets a message.
  mutating func remove(_ place: inout Place) {
    if place == 0 { return }
    let index = Int(place)
    bytes -= messages[index].count
    if messages[index].capacity > Self.keptCapacity {
      messages[index] = []
    } else {
      messages[index].removeAll(keepingCapacity: true)
    }
    free.append(place)
    place = 0
  }
}
