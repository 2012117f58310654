/// What inspectors need while they are at work, and not for a flow: memory that is used again.
struct HTTPTools {
  var limits: HTTPLimits
  /// The fields of the head at hand.
  var fields = HTTPFields()
  /// The buffer that is being made.
  var text: [UInt8] = []
  /// Bytes of the piece at hand behind what has been read.
  var behind = 0
  private var inflaters: [Inflater] = []
  private static let keptInflaters = 16

  init(limits: HTTPLimits) { self.limits = limits }

  mutating func inflater(_ format: Inflater.Format) -> Inflater? {
    guard let inflater = inflaters.popLast() else { return Inflater(format) }
    inflater.reset(format)
    return inflater
  }

  mutating func giveBack(_ inflater: Inflater) {
    if inflaters.count < Self.keptInflaters { inflaters.append(inflater) }
  }
}
