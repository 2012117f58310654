/// The fields of a head: names and values without blanks around them, lines that were folded put together.
///
/// A field whose name came before belongs to the first of that name, whose value goes on behind a comma, as Suricata has it.
struct HTTPFields {
  struct Field {
    /// Places in `text`.
    var name: Range<Int>
    var value: Range<Int>
    /// The next field of the same name; 0 for none.
    var next = 0
    var isRepetition = false
  }

  private(set) var text: [UInt8] = []
  private(set) var fields: [Field] = []

  /// Reads the lines of a block, which may have an empty one at its end. Returns whether there were more than the limit.
  mutating func read(_ block: UnsafeRawBufferPointer, limit: Int) -> Bool {
    text.removeAll(keepingCapacity: true)
    fields.removeAll(keepingCapacity: true)
    var start = 0
    while start < block.count {
      var end = start
      while end < block.count, block[end] != ASCII.lineFeed { end += 1 }
      defer { start = end + 1 }
      let line = ASCII.trimmed(block, start..<end)
      if ASCII.isBlank(block[start]), !fields.isEmpty {
        fold(block, line)
      } else if !line.isEmpty {
        if fields.count == limit { return true }
        append(block, line)
      }
    }
    return false
  }

  private mutating func fold(_ block: UnsafeRawBufferPointer, _ line: Range<Int>) {
    guard !line.isEmpty else { return }
    if !fields[fields.count - 1].value.isEmpty { text.append(ASCII.space) }
    text.append(contentsOf: UnsafeRawBufferPointer(rebasing: block[line]))
    let value = fields[fields.count - 1].value
    fields[fields.count - 1].value = value.lowerBound..<text.count
  }

  /// A line without colon is a value without name.
  private mutating func append(_ block: UnsafeRawBufferPointer, _ line: Range<Int>) {
    let colon = line.first { block[$0] == UInt8(ascii: ":") }
    let name = ASCII.trimmed(block, line.lowerBound..<(colon ?? line.lowerBound))
    let value = ASCII.trimmed(block, (colon.map { $0 + 1 } ?? line.lowerBound)..<line.upperBound)
    let nameStart = text.count
    text.append(contentsOf: UnsafeRawBufferPointer(rebasing: block[name]))
    let valueStart = text.count
    text.append(contentsOf: UnsafeRawBufferPointer(rebasing: block[value]))
    var field = Field(name: nameStart..<valueStart, value: valueStart..<text.count)
    if let first = firstField(named: field.name) {
      field.isRepetition = true
      // Several lengths are no list; what is said of them is said where the body's end is looked for.
      if !has(first, name: "content-length") { link(fields.count, behind: first) }
    }
    fields.append(field)
  }

  private func firstField(named name: Range<Int>) -> Int? {
    text.withUnsafeBytes { text in
      fields.firstIndex { field in
        guard !field.isRepetition, field.name.count == name.count else { return false }
        for index in 0..<name.count
        where ASCII.lowercased(text[field.name.lowerBound + index]) != ASCII.lowercased(text[name.lowerBound + index]) {
          return false
        }
        return true
      }
    }
  }

  private mutating func link(_ index: Int, behind first: Int) {
    var last = first
    while fields[last].next != 0 { last = fields[last].next }
    fields[last].next = index
  }

  private func has(_ index: Int, name: StaticString) -> Bool {
    text.withUnsafeBytes {
      ASCII.equals(UnsafeRawBufferPointer(rebasing: $0[fields[index].name]), lowercase: name)
    }
  }

  /// The first field of a name, which is given in lower case.
  func first(_ name: StaticString) -> Int? {
    fields.indices.first { !fields[$0].isRepetition && has($0, name: name) }
  }

  /// The values of all fields of a name, which is given in lower case, one by one.
  func values(_ name: StaticString) -> [ArraySlice<UInt8>] {
    fields.indices.filter { has($0, name: name) }.map { text[fields[$0].value] }
  }

  /// Appends what a field and those of the same name behind it have as values.
  func appendValue(of index: Int, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: text[fields[index].value])
    var next = fields[index].next
    while next != 0 {
      bytes.append(UInt8(ascii: ","))
      bytes.append(ASCII.space)
      bytes.append(contentsOf: text[fields[next].value])
      next = fields[next].next
    }
  }
}
