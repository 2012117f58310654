import ArgumentParser

/// One of a few words. Says itself what they are: what the parser does in its place asks the runtime about each type,
/// which is slow when a process starts.
protocol WordArgument: CaseIterable, ExpressibleByArgument, RawRepresentable where RawValue == String {}

extension WordArgument {
  static var allValueStrings: [String] { allCases.map(\.rawValue) }
  static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
  var defaultValueDescription: String { rawValue }
}

/// The value of an option that is on or off and has a default worth naming.
enum Switch: String, WordArgument {
  case yes
  case no
}

/// Which frames of an interface are taken, as tcpdump names it.
enum DirectionChoice: String, WordArgument {
  case `in`
  case out
  case `inout`
}

/// Whether checksums are looked at.
enum ChecksumChoice: String, WordArgument {
  case verify
  case ignore
}

/// The form of connection records.
enum ConnectionFormatChoice: String, WordArgument {
  case json
  case zeek
}

/// The form of the statistics.
enum StatisticsChoice: String, WordArgument {
  case text
  case json
}
