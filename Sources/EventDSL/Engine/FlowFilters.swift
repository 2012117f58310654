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

  /// A frame like the one that the SYN-ACK `packet` answers, as far as expressions about flows look: with the addresses and
  /// ports exchanged, and no flag but SYN. `memory` has room for the captured length.
  static func answered(by packet: DecodedPacket, in memory: UnsafeMutableRawPointer) -> DecodedPacket {
    var copy = packet
    memory.copyMemory(from: packet.frame, byteCount: Int(packet.capturedLength))
    copy.frame = UnsafeRawPointer(memory)
    let network = memory + (packet.network - packet.frame)
    let transport = memory + (packet.transport - packet.frame)
    if packet.ipVersion == 4 {
      exchange(network + 12, network + 16, count: 4)
    } else {
      exchange(network + 8, network + 24, count: 16)
    }
    exchange(transport, transport + 2, count: 2)
    transport.storeBytes(of: UInt8(truncatingIfNeeded: TCPFlags.syn.rawValue), toByteOffset: 13, as: UInt8.self)
    if packet.linkType == .ethernet { exchange(memory, memory + 6, count: 6) }
    return copy
  }

  private static func exchange(_ one: UnsafeMutableRawPointer, _ other: UnsafeMutableRawPointer, count: Int) {
    for offset in 0..<count {
      let byte = one.load(fromByteOffset: offset, as: UInt8.self)
      one.storeBytes(of: other.load(fromByteOffset: offset, as: UInt8.self), toByteOffset: offset, as: UInt8.self)
      other.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
    }
  }

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
    record.pointee.isMarked = true
    if record.pointee.firstPacket < packet.pointee.number {
      // It begins with a SYN that was taken for another connection's until this, its answer, came.
      withUnsafeTemporaryAllocation(byteCount: Int(packet.pointee.capturedLength), alignment: 1) { memory in
        select(record, FlowFilters.answered(by: packet.pointee, in: memory.baseAddress!))
      }
    } else {
      select(record, packet.pointee)
    }
  }

  private mutating func select(_ record: UnsafeMutablePointer<FlowRecord>, _ packet: DecodedPacket) {
    for box in 0..<table.boxCount where !filters.selectsFlow(box, packet) {
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
