import MOSCore
import PacketIO

/// The filter expressions of middleboxes: which flows and which orphans each of them sees.
///
/// An expression is compiled for Ethernet when the engine starts, and for another link type when the first packet of it
/// comes; where it makes no sense on a link type, it selects nothing.
final class FlowFilters {
  /// The expressions of one middlebox, compiled for the link types that were met.
  private struct Expression {
    var text: String
    var compiled: [LinkType: Compiled?] = [:]
  }

  /// A filter that can lie in a dictionary.
  private final class Compiled {
    let filter: PacketFilter
    init(_ text: String, _ linkType: LinkType) throws(FilterError) {
      filter = try PacketFilter(expression: text, linkType: UInt16(truncatingIfNeeded: linkType.rawValue))
    }
  }

  private var flows: [Expression?]
  private var orphans: [Expression?]
  /// A middlebox has an expression for flows.
  let hasFlows: Bool
  /// A middlebox has an expression for orphans.
  let hasOrphans: Bool

  /// The expressions of `boxes`. Throws for one that does not compile.
  init(_ boxes: [Registry.Box]) throws(EngineError) {
    flows = []
    orphans = []
    hasFlows = boxes.contains { $0.flowFilter != nil }
    hasOrphans = boxes.contains { $0.orphanFilter != nil }
    for box in boxes {
      flows.append(try FlowFilters.compile(box.flowFilter, box.name))
      orphans.append(try FlowFilters.compile(box.orphanFilter, box.name))
    }
  }

  private static func compile(_ text: String?, _ name: String) throws(EngineError) -> Expression? {
    guard let text else { return nil }
    do { return Expression(text: text, compiled: [.ethernet: try Compiled(text, .ethernet)]) } catch {
      throw EngineError(description: "\(name): \(error)")
    }
  }

  /// Whether a middlebox sees the flow that begins with `packet`.
  func selectsFlow(_ box: Int, _ packet: DecodedPacket) -> Bool { FlowFilters.matches(&flows[box], packet) }

  /// Whether a middlebox sees the orphan `packet`.
  func selectsOrphan(_ box: Int, _ packet: DecodedPacket) -> Bool { FlowFilters.matches(&orphans[box], packet) }

  private static func matches(_ expression: inout Expression?, _ packet: DecodedPacket) -> Bool {
    guard expression != nil else { return true }
    if expression?.compiled[packet.linkType] == nil {
      let text = expression?.text ?? ""
      expression?.compiled[packet.linkType] = .some(try? Compiled(text, packet.linkType))
    }
    guard let compiled = expression?.compiled[packet.linkType] ?? nil else { return false }
    return compiled.filter.matches(
      packet.frame, capturedLength: packet.capturedLength, wireLength: packet.wireLength)
  }
}

/// What middleboxes with filter expressions see.
extension EngineCore {
  /// Takes away from the flow that begins with `packet` what belongs to middleboxes whose filter does not select it.
  mutating func select(_ record: UnsafeMutablePointer<FlowRecord>, _ packet: UnsafePointer<DecodedPacket>) {
    for box in 0..<table.boxCount where !filters.selectsFlow(box, packet.pointee) {
      if record.pointee.storage == 0 { record.pointee.storage = storage.allocate() }
      let bits = blocks[record.pointee.storage].assumingMemoryBound(to: UInt64.self)
      for word in 0..<table.words { bits[word] &= ~table.boxBits[box * table.words + word] }
      streams.stopAll(ofBox: box, in: blocks[record.pointee.storage])
      // It has no part in what the others want of the flow.
      storage.wish(record.pointee.storage, box, .client).pointee = .nothing
      storage.wish(record.pointee.storage, box, .server).pointee = .nothing
    }
    listen(record)
  }

  /// Who listens to the orphan `packet`.
  mutating func selectOrphan(_ packet: UnsafePointer<DecodedPacket>) {
    for word in 0..<table.words { orphanBits[word] = table.initialBits[word] }
    for box in 0..<table.boxCount where !filters.selectsOrphan(box, packet.pointee) {
      for word in 0..<table.words { orphanBits[word] &= ~table.boxBits[box * table.words + word] }
    }
    bits = orphanBits
  }
}
