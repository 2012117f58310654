extension YAMLNode {
  /// Levels of lists and mappings that a document may have; a firewall's rules have six.
  static let deepest = 16
  /// In a flow collection `::1` is a mapping to YAML, or an error.
  static let colonAdvice = "in [ ] and { } an address that begins or ends with a colon needs quotes"

  /// The one document in `bytes`. Nil when there is none, only comments or nothing.
  static func document(
    _ bytes: [UInt8], file: String, kind: ConfigurationKind = .rules
  ) throws(ConfigurationError) -> YAMLNode? {
    var reader = try YAMLDocumentReader(try YAMLText(bytes, file: file, kind: kind), file: file, kind: kind)
    return try reader.document()
  }
}

/// Makes nodes of events. What is refused is refused at its event, before a node is made of anything behind it.
///
/// Anchors and aliases are what makes YAML dangerous: a few lines can stand for a structure of any size and depth.
private struct YAMLDocumentReader: ~Copyable {
  var events: YAMLEvents
  let file: String
  let kind: ConfigurationKind

  init(_ text: YAMLText, file: String, kind: ConfigurationKind) throws(ConfigurationError) {
    self.file = file
    self.kind = kind
    do throws(YAMLEvents.Failure) {
      events = try YAMLEvents(text)
    } catch {
      throw ConfigurationError(error, file: file, kind: kind)
    }
  }

  mutating func document() throws(ConfigurationError) -> YAMLNode? {
    _ = try next()
    if case .streamEnd = try next().content { return nil }
    let root = try node(try next(), depth: 0)
    _ = try next()
    let end = try next()
    guard case .streamEnd = end.content else {
      throw fail(end.place, "a second document begins here; a \(kind.noun) is a single one")
    }
    return root
  }

  /// The node that begins with `event`, in `depth` lists and mappings.
  private mutating func node(_ event: YAMLEvents.Event, depth: Int) throws(ConfigurationError) -> YAMLNode {
    if event.isAnchored { throw ConfigurationError.anchor(event.place, file: file, kind: kind) }
    let plainTag: String
    var content: YAMLNode.Content
    switch event.content {
    case .scalar(let text, let isQuoted):
      plainTag = "tag:yaml.org,2002:str"
      content = .scalar(text, isQuoted: isQuoted)
    case .sequenceStart:
      plainTag = "tag:yaml.org,2002:seq"
      content = .sequence([])
    case .mappingStart:
      plainTag = "tag:yaml.org,2002:map"
      content = .mapping([])
    default:
      // Of what is left, only an alias stands where a node is expected.
      throw ConfigurationError.anchor(event.place, file: file, kind: kind)
    }
    if let tag = event.tag, tag != plainTag {
      throw fail(event.place, "YAML tags such as \(quoted(tag)) are not taken; write the value alone")
    }
    switch content {
    case .scalar: break
    case _ where depth == YAMLNode.deepest:
      throw fail(event.place, "lists and mappings are nested more than \(YAMLNode.deepest) deep")
    case .sequence: content = .sequence(try elements(depth: depth + 1))
    case .mapping: content = .mapping(try pairs(depth: depth + 1))
    }
    return YAMLNode(place: event.place, content: content)
  }

  private mutating func elements(depth: Int) throws(ConfigurationError) -> [YAMLNode] {
    var elements: [YAMLNode] = []
    while true {
      let event = try next()
      if case .sequenceEnd = event.content { return elements }
      elements.append(try node(event, depth: depth))
    }
  }

  private mutating func pairs(depth: Int) throws(ConfigurationError) -> [YAMLNode.Pair] {
    var pairs: [YAMLNode.Pair] = []
    var lines: [String: Int] = [:]
    while true {
      let event = try next()
      if case .mappingEnd = event.content { return pairs }
      let key = try node(event, depth: depth)
      if let text = key.text, let first = lines.updateValue(key.place.line, forKey: text) {
        throw fail(key.place, "\(quoted(text)) is there already, in line \(first)")
      }
      pairs.append(YAMLNode.Pair(key: key, value: try node(try next(), depth: depth)))
    }
  }

  private mutating func next() throws(ConfigurationError) -> YAMLEvents.Event {
    do throws(YAMLEvents.Failure) {
      return try events.next()
    } catch {
      throw ConfigurationError(error, file: file, kind: kind)
    }
  }

  private func fail(_ place: YAMLNode.Place, _ reason: String) -> ConfigurationError {
    ConfigurationError(file: file, place: place, reason: reason)
  }
}

extension ConfigurationError {
  fileprivate static func anchor(
    _ place: YAMLNode.Place, file: String, kind: ConfigurationKind
  ) -> ConfigurationError {
    ConfigurationError(
      file: file, place: place,
      reason: "YAML anchors (&name) and aliases (*name) are not taken\(kind.aliasAdvice)")
  }

  /// Why there are no events, in one line.
  fileprivate init(_ failure: YAMLEvents.Failure, file: String, kind: ConfigurationKind) {
    switch failure {
    case .noLibrary:
      self.init(file: file, reason: "libyaml, which reads \(kind.noun)s, cannot be loaded, install it (libyaml-0-2)")
    case .noMemory: self.init(file: file, reason: "libyaml has no memory")
    case .syntax(let error):
      if let context = error.context, ["while scanning an anchor", "while scanning an alias"].contains(context.text) {
        self = .anchor(context.start, file: file, kind: kind)
      } else {
        self.init(file: file, place: error.place, reason: Self.reason(error))
      }
    }
  }

  private static func reason(_ error: YAMLEvents.SyntaxError) -> String {
    if error.scalar == "\t" { return "there is a tab here, expected spaces: YAML is not indented by tabs" }
    var reason = "no valid YAML: \(error.problem)"
    if let context = error.context {
      let start = context.start
      reason += " \(context.text)" + (start == error.place ? "" : " that begins at \(start.line):\(start.column)")
    }
    let isColon = error.problem.contains("unexpected ':'") || error.problem.contains("node content")
    return error.scalar == ":" && isColon ? "\(reason); \(YAMLNode.colonAdvice)" : reason
  }
}
