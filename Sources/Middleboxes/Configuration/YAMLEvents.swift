import CYAML

/// The events of a YAML text, one by one, as libyaml finds them.
///
/// Invariant: from `init` to `deinit` the parser is initialized and stays where it is, because libyaml keeps pointers into
/// it, and so does the copy of the text that it reads. What libyaml allocates for an event is freed before `next` returns.
struct YAMLEvents: ~Copyable {
  struct Event {
    enum Content {
      case streamStart, streamEnd, documentStart, documentEnd
      case scalar(String, isQuoted: Bool)
      case sequenceStart, sequenceEnd, mappingStart, mappingEnd
      case alias
    }

    var place: YAMLNode.Place
    var content: Content
    var isAnchored = false
    var tag: String?
  }

  /// Why there is no event.
  enum Failure: Error {
    case noLibrary
    case noMemory
    case syntax(SyntaxError)
  }

  /// What libyaml says of a text that is no YAML.
  struct SyntaxError {
    var problem: String
    var place: YAMLNode.Place
    /// What is at `place`; nil at the end.
    var scalar: Unicode.Scalar?
    /// What was being read, and where it begins.
    var context: (text: String, start: YAMLNode.Place)?
  }

  private let functions: mos_yaml_functions
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let text: UnsafeMutableBufferPointer<UInt8>

  init(_ text: YAMLText) throws(Failure) {
    guard let libyaml else { throw .noLibrary }
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    if libyaml.parser_initialize(parser) == 0 {
      parser.deallocate()
      throw .noMemory
    }
    let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.bytes.count)
    _ = copy.initialize(from: text.bytes)
    libyaml.parser_set_encoding(parser, YAML_UTF8_ENCODING)
    libyaml.parser_set_input_string(parser, copy.baseAddress, copy.count)
    functions = libyaml
    self.parser = parser
    self.text = copy
  }

  deinit {
    functions.parser_delete(parser)
    parser.deallocate()
    text.deallocate()
  }

  /// The next event. There is none after the end of the stream or an error.
  mutating func next() throws(Failure) -> Event {
    var event = yaml_event_t()
    if functions.parser_parse(parser, &event) == 0 { throw failure() }
    defer { functions.event_delete(&event) }
    return Event(event)
  }

  private func failure() -> Failure {
    guard parser.pointee.error != YAML_MEMORY_ERROR, let problem = parser.pointee.problem else { return .noMemory }
    let mark = parser.pointee.problem_mark
    let scalars = String(decoding: text, as: UTF8.self).unicodeScalars
    let context = parser.pointee.context.map {
      (text: String(cString: $0), start: YAMLNode.Place(parser.pointee.context_mark))
    }
    return .syntax(
      SyntaxError(
        problem: String(cString: problem), place: YAMLNode.Place(mark), scalar: scalars.dropFirst(mark.index).first,
        context: context))
  }
}

extension YAMLEvents.Event {
  fileprivate init(_ event: yaml_event_t) {
    place = YAMLNode.Place(event.start_mark)
    switch event.type {
    case YAML_STREAM_START_EVENT: content = .streamStart
    case YAML_DOCUMENT_START_EVENT: content = .documentStart
    case YAML_DOCUMENT_END_EVENT: content = .documentEnd
    case YAML_ALIAS_EVENT: content = .alias
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      content = .scalar(
        String(decoding: bytes, as: UTF8.self), isQuoted: scalar.style != YAML_PLAIN_SCALAR_STYLE)
      isAnchored = scalar.anchor != nil
      tag = scalar.tag.map { String(cString: $0) }
    case YAML_SEQUENCE_START_EVENT:
      content = .sequenceStart
      isAnchored = event.data.sequence_start.anchor != nil
      tag = event.data.sequence_start.tag.map { String(cString: $0) }
    case YAML_SEQUENCE_END_EVENT: content = .sequenceEnd
    case YAML_MAPPING_START_EVENT:
      content = .mappingStart
      isAnchored = event.data.mapping_start.anchor != nil
      tag = event.data.mapping_start.tag.map { String(cString: $0) }
    case YAML_MAPPING_END_EVENT: content = .mappingEnd
    // What comes after the end is no event.
    default: content = .streamEnd
    }
  }
}

extension YAMLNode.Place {
  /// libyaml counts from 0, and columns in characters.
  fileprivate init(_ mark: yaml_mark_t) { self.init(line: Int(mark.line) + 1, column: Int(mark.column) + 1) }
}

/// libyaml's functions, loaded when first asked for; nil where it is not installed.
private let libyaml: mos_yaml_functions? = {
  var functions = mos_yaml_functions()
  return mos_yaml_load(&functions) == 0 ? functions : nil
}()
