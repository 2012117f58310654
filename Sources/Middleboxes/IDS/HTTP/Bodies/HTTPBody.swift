/// What of a message's body is handed out: its first bytes, up to a limit, without encodings.
struct HTTPBody {
  /// The body was handed out, or there is none; more bytes are left out.
  private(set) var isOver = true
  private var bytes: [UInt8] = []
  private var limit = 0
  /// Bytes that have been handed out for good.
  private var handedOut = 0
  private var isEncoded = false
  /// From the outermost one on.
  private var decodings: [HTTPDecoding] = []

  /// Begins a body. `codings` are in the order in which they are taken off.
  mutating func begin(limit: Int, codings: [HTTPDecoding.Coding]) {
    isOver = limit == 0
    self.limit = limit
    handedOut = 0
    isEncoded = !codings.isEmpty
    decodings = codings.map(HTTPDecoding.init)
  }

  /// Takes the next bytes. Calls `handOut` when the body is complete or has reached the limit, and
  /// before with what there is where growing bodies are asked for.
  mutating func take(
    _ piece: UnsafeRawBufferPointer, isLast: Bool, tools: inout HTTPTools,
    handOut: (UnsafeRawBufferPointer, _ isWhole: Bool, HTTPAnomaly?) -> Void
  ) {
    if isOver { return }
    if decodings.isEmpty, bytes.isEmpty, isLast || piece.count >= limit {
      // Whole where it lies.
      isOver = true
      handedOut = min(piece.count, limit)
      if !piece.isEmpty { handOut(UnsafeRawBufferPointer(rebasing: piece.prefix(limit)), true, nil) }
      return
    }
    let before = bytes.count
    let isFull = decodings.isEmpty ? !append(piece) : !decode(piece, layer: 0, &tools)
    if isFull || isLast {
      finish(tools: &tools, handOut: handOut)
    } else if tools.limits.growingBodies, bytes.count > before {
      bytes.withUnsafeBytes { handOut($0, false, nil) }
    }
  }

  /// Ends the body: hands out what there is, and gives memory back.
  mutating func finish(tools: inout HTTPTools, handOut: (UnsafeRawBufferPointer, _ isWhole: Bool, HTTPAnomaly?) -> Void)
  {
    if isOver { return }
    for layer in decodings.indices { flush(layer, &tools) }
    isOver = true
    let anomaly = decodings.lazy.compactMap(\.anomaly).first
    decodings.removeAll()
    handedOut += bytes.count
    if !bytes.isEmpty || anomaly != nil { bytes.withUnsafeBytes { handOut($0, true, anomaly) } }
    bytes.removeAll(keepingCapacity: bytes.capacity <= 4096)
  }

  /// What follows bytes that were lost is handed out as a body of its own, as far as the limit goes; not of an encoded one,
  /// which nobody can read from there on.
  mutating func goOn() {
    if isEncoded { return }
    limit -= handedOut
    handedOut = 0
    isOver = limit == 0
  }

  /// Returns whether there is room for more.
  private mutating func append(_ piece: UnsafeRawBufferPointer) -> Bool {
    bytes.append(contentsOf: piece.prefix(limit - bytes.count))
    return bytes.count < limit
  }

  private mutating func decode(_ piece: UnsafeRawBufferPointer, layer: Int, _ tools: inout HTTPTools) -> Bool {
    if layer == decodings.count { return append(piece) }
    // The layer's own state is out of its place while those under it work.
    var decoding = decodings[layer]
    var isWanted = true
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { memory in
      decoding.take(piece, tools: &tools, memory: memory) { yielded, tools in
        isWanted = decode(yielded, layer: layer + 1, &tools)
        return isWanted
      }
    }
    decodings[layer] = decoding
    return isWanted
  }

  private mutating func flush(_ layer: Int, _ tools: inout HTTPTools) {
    var decoding = decodings[layer]
    decoding.finish(tools: &tools) { rest, tools in decode(rest, layer: layer + 1, &tools) }
    decodings[layer] = decoding
  }
}
