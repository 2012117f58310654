/// A part of a YAML document and where it is, without tags, anchors and aliases.
struct YAMLNode: Sendable {
  /// A position in the text, both from 1; columns are Unicode scalars.
  struct Place: Hashable, Sendable {
    var line: Int
    var column: Int
  }

  struct Pair: Sendable {
    var key: YAMLNode
    var value: YAMLNode
  }

  enum Content: Sendable {
    case scalar(String, isQuoted: Bool)
    case sequence([YAMLNode])
    case mapping([Pair])
  }

  var place: Place
  var content: Content

  /// The text of a scalar.
  var text: String? {
    if case .scalar(let text, _) = content { return text }
    return nil
  }

  /// Whether nothing was written here, or a null.
  var isEmpty: Bool {
    if case .scalar(let text, isQuoted: false) = content { return ["", "~", "null"].contains(text) }
    return false
  }

  /// What this is, for messages: a short quotation, or the kind.
  var shown: String {
    switch content {
    case _ where isEmpty: "nothing"
    case .scalar(let text, _): quoted(text)
    case .sequence: "a list"
    case .mapping: "a mapping"
    }
  }
}

/// A text from a file for a message: in quotes, control characters escaped, and not too long.
func quoted(_ text: String) -> String {
  var shown = "\""
  for (index, scalar) in text.unicodeScalars.enumerated() {
    if index == 60 {
      shown += "..."
      break
    }
    shown += scalar == "\"" ? "\\\"" : scalar.isPrintable ? String(scalar) : scalar.escaped(asASCII: true)
  }
  return shown + "\""
}

extension Unicode.Scalar {
  /// Whether it can be shown: no control character, line separator, or mark that turns the direction of text.
  var isPrintable: Bool {
    switch properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator, .format, .surrogate, .privateUse, .unassigned: false
    default: true
    }
  }
}
