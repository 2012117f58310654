import Yams

extension YAMLNode {
  /// Levels of lists and mappings that a document may have; a rule file has six.
  static let deepest = 16
  /// In a flow collection `::1` is a mapping to YAML, or an error.
  static let colonAdvice = "in [ ] and { } an address that begins or ends with a colon needs quotes"

  /// The one document in `bytes`. Nil when there is none, only comments or nothing.
  static func document(_ bytes: [UInt8], file: String) throws(FirewallFileError) -> YAMLNode? {
    let text = try YAMLText(bytes, file: file)
    let root: Node?
    do {
      // Without rules for types: every scalar is what was written.
      root = try Parser(yaml: text.text, resolver: .basic, encoding: .utf8).singleRoot()
    } catch let error as YamlError {
      throw FirewallFileError(error, in: text, file: file)
    } catch {
      throw FirewallFileError(file: file, reason: "\(error)")
    }
    guard let root else { return nil }
    return try YAMLNode(root, depth: 0, file: file)
  }

  private init(_ node: Node, depth: Int, file: String) throws(FirewallFileError) {
    let place = Place(node.mark)
    func fail(_ reason: String) -> FirewallFileError { FirewallFileError(file: file, place: place, reason: reason) }
    if depth > Self.deepest { throw fail("lists and mappings are nested more than \(Self.deepest) deep") }
    self.place = place
    switch node {
    case .scalar(let scalar):
      let text = YAMLText.restored(scalar.string)
      let isPlain = scalar.style == .plain
      if isPlain, let sign = text.first, sign == "&" || sign == "*" {
        throw FirewallFileError.anchor(place, file: file)
      }
      content = .scalar(text, isQuoted: !isPlain)
    case .sequence(let sequence):
      var elements: [YAMLNode] = []
      elements.reserveCapacity(sequence.count)
      for element in sequence { elements.append(try YAMLNode(element, depth: depth + 1, file: file)) }
      content = .sequence(elements)
    case .mapping(let mapping):
      var pairs: [Pair] = []
      pairs.reserveCapacity(mapping.count)
      for (key, value) in mapping {
        let key = try YAMLNode(key, depth: depth + 1, file: file)
        pairs.append(Pair(key: key, value: try YAMLNode(value, depth: depth + 1, file: file)))
      }
      content = .mapping(pairs)
    case .alias:
      throw FirewallFileError.anchor(place, file: file)
    }
    let plainTags: [Tag.Name] = [.str, .seq, .map]
    let tag = node.tag.rawValue
    if !plainTags.contains(where: { $0.rawValue == tag }) {
      throw fail("YAML tags such as \(quoted(YAMLText.restored(tag))) are not taken; write the value alone")
    }
  }
}

extension YAMLNode.Place {
  fileprivate init(_ mark: Mark?) { self.init(line: mark?.line ?? 1, column: mark?.column ?? 1) }
}

extension FirewallFileError {
  static func anchor(_ place: YAMLNode.Place, file: String) -> FirewallFileError {
    FirewallFileError(
      file: file, place: place,
      reason: "YAML anchors (&name) and aliases (*name) are not taken; name what is used twice under groups")
  }

  /// What the YAML parser found, in one line.
  fileprivate init(_ error: YamlError, in text: YAMLText, file: String) {
    let place: YAMLNode.Place
    let reason: String
    switch error {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      place = YAMLNode.Place(mark)
      if let anchor = text.firstAnchor(through: place.line) {
        self = .anchor(anchor, file: file)
        return
      }
      reason = Self.reason(problem, context: context, at: place, in: text)
    case .duplicatedKeysInMapping(let keys, let context):
      let key = YAMLText.restored(keys.first ?? "")
      let first = YAMLNode.Place(context.mark)
      if let second = text.place(ofKey: keys.first ?? "", after: first) {
        place = second
        reason = "\(quoted(key)) is there already, in line \(first.line)"
      } else {
        place = first
        reason = "\(quoted(key)) is there more than once in the same mapping"
      }
    default:
      self.init(file: file, reason: "is no valid YAML: \(YAMLText.restored("\(error)"))")
      return
    }
    self.init(file: file, place: place, reason: reason)
  }

  private static func reason(
    _ problem: String, context: YamlError.Context?, at place: YAMLNode.Place, in text: YAMLText
  ) -> String {
    if problem.contains("Maximum nesting level") { return "lists and mappings are nested too deep" }
    if problem.contains("another document") {
      return "a second document begins here; a rule file is a single one"
    }
    let scalar = text.scalar(at: place)
    if scalar == "\t" { return "there is a tab here, expected spaces: YAML is not indented by tabs" }
    var reason = "no valid YAML: \(problem)"
    if let context {
      let start = YAMLNode.Place(context.mark)
      reason += " \(context.text)" + (start == place ? "" : " that begins at \(start.line):\(start.column)")
    }
    let mayBeAddress = scalar == ":" && (problem.contains("unexpected ':'") || problem.contains("node content"))
    return mayBeAddress ? "\(reason); \(YAMLNode.colonAdvice)" : reason
  }
}

extension YAMLText {
  /// The character at a place.
  fileprivate func scalar(at place: YAMLNode.Place) -> Unicode.Scalar? {
    guard let line = line(place.line) else { return nil }
    return line.dropFirst(place.column - 1).first
  }

  private func line(_ number: Int) -> Substring.UnicodeScalarView? {
    let lines = text.unicodeScalars.split(separator: "\n", maxSplits: number, omittingEmptySubsequences: false)
    return number >= 1 && number <= lines.count ? lines[number - 1] : nil
  }

  /// Where the same key stands again in a block mapping that has it at `first`. The parser says only where it was first.
  fileprivate func place(ofKey key: String, after first: YAMLNode.Place) -> YAMLNode.Place? {
    let lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() where index >= first.line {
      let indentation = line.prefix { $0 == " " }.count
      let rest = line.dropFirst(indentation)
      if rest.isEmpty || rest.first == "#" || indentation >= first.column { continue }
      if indentation < first.column - 1 { return nil }
      for form in [key, "\"\(key)\"", "'\(key)'"] where rest.starts(with: (form + ":").unicodeScalars) {
        return YAMLNode.Place(line: index + 1, column: first.column)
      }
    }
    return nil
  }
}
