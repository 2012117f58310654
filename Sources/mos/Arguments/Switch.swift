import ArgumentParser

/// The value of an option that is on or off and has a default worth naming.
enum Switch: String, CaseIterable, ExpressibleByArgument {
  case yes
  case no
}

/// Whether checksums are looked at.
enum ChecksumChoice: String, CaseIterable, ExpressibleByArgument {
  case verify
  case ignore
}

/// The form of connection records.
enum ConnectionFormatChoice: String, CaseIterable, ExpressibleByArgument {
  case json
  case zeek
}

/// The form of the statistics.
enum StatisticsChoice: String, CaseIterable, ExpressibleByArgument {
  case text
  case json
}
