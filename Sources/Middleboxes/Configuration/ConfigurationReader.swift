/// Reads a YAML document of a middlebox's configuration. Every method throws at the first error, with the place of what is
/// wrong.
protocol ConfigurationReader {
  /// The file's name for errors.
  var file: String { get }
}

/// Entries of a list such as of ports, which are compared one by one.
let longestConfigurationList = 256

extension ConfigurationReader {
  /// An error at a part of the document.
  func fail(_ node: YAMLNode, _ reason: String) -> ConfigurationError {
    ConfigurationError(file: file, place: node.place, reason: reason)
  }

  /// A mapping's values by their keys, which are all in `known`.
  func fields(
    of node: YAMLNode, in what: String, known: [String]
  ) throws(ConfigurationError) -> [String: YAMLNode] {
    guard case .mapping(let pairs) = node.content else {
      throw fail(node, "\(what): found \(node.shown), expected a mapping with \(known.joined(separator: ", "))")
    }
    var fields: [String: YAMLNode] = [:]
    for pair in pairs {
      guard let key = pair.key.text else {
        throw fail(pair.key, "\(what): found \(pair.key.shown) as a key, expected \(known.joined(separator: ", "))")
      }
      guard known.contains(key) else {
        let meant = Suggestion.text(for: key, among: known, expected: known.joined(separator: ", "))
        throw fail(pair.key, "unknown key \(quoted(key)) in \(what)\(meant)")
      }
      fields[key] = pair.value
    }
    return fields
  }

  /// The value of a key that has to be there.
  func required(
    _ key: String, _ fields: [String: YAMLNode], of node: YAMLNode, in what: String
  ) throws(ConfigurationError) -> YAMLNode {
    guard let value = fields[key] else { throw fail(node, "\(what) has no `\(key)`") }
    return value
  }

  /// A scalar, or the scalars of a list of at most `limit`.
  func list(
    _ node: YAMLNode, _ key: String, limit: Int = longestConfigurationList, expected: String
  ) throws(ConfigurationError) -> [YAMLNode] {
    guard case .sequence(let elements) = node.content else {
      _ = try text(node, key, expected: expected)
      return [node]
    }
    if elements.isEmpty { throw fail(node, "\(key): the list is empty, expected \(expected)") }
    if elements.count > limit { throw fail(elements[limit], "\(key): the list has more than \(limit) entries") }
    for element in elements { _ = try text(element, key, expected: expected) }
    return elements
  }

  /// A scalar's text.
  func text(_ node: YAMLNode, _ key: String, expected: String) throws(ConfigurationError) -> String {
    guard let text = node.text, !node.isEmpty else {
      throw fail(node, "\(key): found \(node.shown), expected \(expected)")
    }
    return text
  }
}
