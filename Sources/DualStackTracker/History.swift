/// The letters of Zeek's `history`, in place. What does not fit is left out: every letter but C, G, T and W comes once
/// a side unless its sequence number changes, and those four on a logarithmic scale.
public struct History: BitwiseCopyable, Sendable {
  static let capacity: UInt8 = 27
  var letters: InlineArray<27, UInt8> = .init(repeating: 0)
  /// How many letters there are, 0 to 27.
  public private(set) var count: UInt8 = 0

  init() {}

  /// The letter at `index`, ASCII. Precondition: `index` is below `count`.
  public subscript(index: Int) -> UInt8 { letters[index] }

  /// Adds a letter (ASCII) at the end.
  mutating func append(_ letter: UInt8) {
    guard count < History.capacity else { return }
    letters[Int(count)] = letter
    count &+= 1
  }
}

/// The letters that an end can add once.
struct HistoryLetters: OptionSet, BitwiseCopyable, Sendable {
  var rawValue: UInt8
  static var syn: HistoryLetters { .init(rawValue: 1) }
  static var synAck: HistoryLetters { .init(rawValue: 2) }
  static var ack: HistoryLetters { .init(rawValue: 4) }
  static var data: HistoryLetters { .init(rawValue: 8) }
  static var fin: HistoryLetters { .init(rawValue: 16) }
  static var rst: HistoryLetters { .init(rawValue: 32) }
  static var finRst: HistoryLetters { .init(rawValue: 64) }
  static var multipleFlags: HistoryLetters { .init(rawValue: 128) }
}
