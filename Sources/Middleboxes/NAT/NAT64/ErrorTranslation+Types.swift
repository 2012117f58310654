extension ErrorTranslation {
  /// RFC 7915 4.2. How long packets may be is for `length`.
  static func fromV4(_ old: Message) -> Message? {
    switch (old.type, old.code) {
    case (3, 0), (3, 1), (3, 5...8), (3, 11), (3, 12): return Message(type: 1, code: 0, rest: 0)
    case (3, 2): return Message(type: 4, code: 1, rest: 6)
    case (3, 3): return Message(type: 1, code: 4, rest: 0)
    case (3, 4): return Message(type: 2, code: 0, rest: 0)
    case (3, 9), (3, 10), (3, 13), (3, 15): return Message(type: 1, code: 1, rest: 0)
    case (11, 0...1): return Message(type: 3, code: old.code, rest: 0)
    case (12, 0), (12, 2):
      let places: [UInt32?] = [0, 1, 4, 4, nil, nil, nil, nil, 7, 6, nil, nil, 8, 8, 8, 8, 24, 24, 24, 24]
      let pointer = Int(old.rest >> 24)
      guard pointer < places.count, let place = places[pointer] else { return nil }
      return Message(type: 4, code: 0, rest: place)
    default: return nil
    }
  }

  /// RFC 7915 5.2, in the same way.
  static func fromV6(_ old: Message) -> Message? {
    switch (old.type, old.code) {
    case (1, 0), (1, 2), (1, 3): return Message(type: 3, code: 1, rest: 0)
    case (1, 1): return Message(type: 3, code: 10, rest: 0)
    case (1, 4): return Message(type: 3, code: 3, rest: 0)
    case (2, _): return Message(type: 3, code: 4, rest: 0)
    case (3, 0...1): return Message(type: 11, code: old.code, rest: 0)
    case (4, 0):
      let places: [UInt32?] = [0, 1, nil, nil, 2, 2, 9, 8]
      let pointer = old.rest
      switch pointer {
      case 0..<8:
        guard let place = places[Int(pointer)] else { return nil }
        return Message(type: 12, code: 0, rest: place << 24)
      case 8..<24: return Message(type: 12, code: 0, rest: 12 << 24)
      case 24..<40: return Message(type: 12, code: 0, rest: 16 << 24)
      default: return nil
      }
    case (4, 1): return Message(type: 3, code: 2, rest: 0)
    default: return nil
    }
  }
}
