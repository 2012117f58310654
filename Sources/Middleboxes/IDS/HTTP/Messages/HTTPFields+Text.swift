/// Fields as the text that rules look into.
extension HTTPFields {
  /// Appends `Name: value` and the end of a line for each name, without those of one name, which is in lower case.
  func appendLines(to bytes: inout [UInt8], without name: StaticString?) {
    let left = name.flatMap { first($0) }
    for index in fields.indices where !fields[index].isRepetition && index != left {
      bytes.append(contentsOf: text[fields[index].name])
      bytes.append(UInt8(ascii: ":"))
      bytes.append(ASCII.space)
      appendValue(of: index, to: &bytes)
      bytes.append(ASCII.carriageReturn)
      bytes.append(ASCII.lineFeed)
    }
  }

  /// Appends each name on a line, with an empty line before and behind them.
  func appendNames(to bytes: inout [UInt8]) {
    bytes.append(ASCII.carriageReturn)
    bytes.append(ASCII.lineFeed)
    for field in fields where !field.isRepetition {
      bytes.append(contentsOf: text[field.name])
      bytes.append(ASCII.carriageReturn)
      bytes.append(ASCII.lineFeed)
    }
    bytes.append(ASCII.carriageReturn)
    bytes.append(ASCII.lineFeed)
  }

  /// The encodings of a body, in the order in which they are taken off, up to one that is not known.
  func codings() -> [HTTPDecoding.Coding] {
    var codings: [HTTPDecoding.Coding] = []
    let names = values("content-encoding").flatMap { $0.split(separator: UInt8(ascii: ",")) }
    for name in names.reversed() {
      let coding = name.withUnsafeBytes { bytes -> HTTPDecoding.Coding?? in
        let name = UnsafeRawBufferPointer(rebasing: bytes[ASCII.trimmed(bytes, 0..<bytes.count)])
        func matches(_ text: StaticString) -> Bool { ASCII.equals(name, lowercase: text) }
        if matches("gzip") || matches("x-gzip") { return .gzip }
        if matches("deflate") || matches("x-deflate") { return .deflate }
        return matches("identity") ? .some(nil) : nil
      }
      guard let coding else { break }
      if let coding { codings.append(coding) }
    }
    return codings
  }
}
