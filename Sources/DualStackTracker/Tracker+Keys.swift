import MOSCore
import MTCP

/// Flows whose packets come with more than one key: before and after address translation.
///
/// A further key has a record of its own in the slab, which has no connection and names its flow, so that what the table
/// finds can be looked at before it is known what it is. It is no flow: it does not age, and ends with its flow.
extension Tracker {
  /// What `addKey` did.
  @frozen
  public enum KeyOutcome: UInt8, BitwiseCopyable, Sendable {
    /// Packets with the key, in both directions, belong to the flow from now on.
    case added = 0
    /// They did already.
    case known
    /// They belong to another flow.
    case taken
    /// There is no room for further keys: there are as many as flows may be.
    case full
    /// There is no such flow, or not any more.
    case noFlow
  }

  /// Lets packets with `key` find `flow` too, in both directions. The source of `key` stands for the client.
  ///
  /// For a box that changes addresses or ports: the flow has the key that the client's packets come with, and is given the
  /// one that the server's packets come with. A flow can have any number; they are gone when it is released. A new
  /// connection in the flow's place has none, except when it took the place by answering a SYN that passed as part of this
  /// flow: then it has the same.
  public mutating func addKey(_ key: FlowKey, to flow: UInt32) -> KeyOutcome {
    let record = records.pointer(flow)
    guard record.pointee.traits.rawValue & FlowTraits.presence == FlowTraits.inTable.rawValue else { return .noFlow }
    let hash = hash(of: key)
    let found = find(key, hash: hash)
    if found != 0 { return owner(of: found) == flow ? .known : .taken }
    guard furtherKeyCount < furtherKeyLimit else { return .full }
    let index = records.allocate()
    if index == 0 { return .full }
    let stub = records.pointer(index)
    stub.begin(key: key, hash: hash)
    stub.pointee.traits = [.inTable, .furtherKey]
    stub.pointee.lastSYN = flow
    stub.pointee.attachment = record.pointee.traits.contains(.hasFurtherKeys) ? furtherKeys[Int(flow)] : 0
    furtherKeys[Int(flow)] = index
    record.pointee.traits.insert(.hasFurtherKeys)
    table.insert(hash, index)
    furtherKeyCount += 1
    return .added
  }

  /// The flow with this key in either direction, 0 when there is none: for what quotes another flow's packets, as ICMP
  /// errors do.
  public mutating func flow(of key: FlowKey) -> UInt32 {
    let found = find(key, hash: hash(of: key))
    return found == 0 ? 0 : owner(of: found)
  }

  /// Takes a key that `addKey` gave to `flow` from it. `false` when it has none such.
  public mutating func removeKey(_ key: FlowKey, from flow: UInt32) -> Bool {
    let record = records.pointer(flow)
    let found = find(key, hash: hash(of: key))
    guard found != 0, found != flow, owner(of: found) == flow else { return false }
    let next = records.pointer(found).pointee.attachment
    if furtherKeys[Int(flow)] == found {
      furtherKeys[Int(flow)] = next
      if next == 0 { record.pointee.traits.remove(.hasFurtherKeys) }
    } else {
      var previous = furtherKeys[Int(flow)]
      while records.pointer(previous).pointee.attachment != found {
        previous = records.pointer(previous).pointee.attachment
      }
      records.pointer(previous).pointee.attachment = next
    }
    removeStub(found)
    return true
  }

  /// Calls `body` with each key that `addKey` gave to `flow`, the last one first.
  public func forEachFurtherKey(of flow: UInt32, _ body: (FlowKey) -> Void) {
    guard records.pointer(flow).pointee.traits.contains(.hasFurtherKeys) else { return }
    var index = furtherKeys[Int(flow)]
    while index != 0 {
      body(records.pointer(index).pointee.key)
      index = records.pointer(index).pointee.attachment
    }
  }

  /// Takes all further keys from a flow that leaves the table.
  @inline(never)
  mutating func removeKeys(of flow: UInt32) {
    var index = furtherKeys[Int(flow)]
    while index != 0 {
      let next = records.pointer(index).pointee.attachment
      removeStub(index)
      index = next
    }
    records.pointer(flow).pointee.traits.remove(.hasFurtherKeys)
  }

  /// `flow` has no further keys from here on; the first of them is returned, for `giveKeys`.
  mutating func takeKeys(of flow: UInt32) -> UInt32 {
    let record = records.pointer(flow)
    guard record.pointee.traits.contains(.hasFurtherKeys) else { return 0 }
    record.pointee.traits.remove(.hasFurtherKeys)
    return furtherKeys[Int(flow)]
  }

  /// Gives further keys, of which `first` is the first, to a flow that has none, `reversed` to one whose client was the
  /// server; 0 for no flow gives them up.
  mutating func giveKeys(_ first: UInt32, to flow: UInt32, reversed: Bool = false) {
    var index = first
    while index != 0 {
      let stub = records.pointer(index)
      let next = stub.pointee.attachment
      if flow == 0 { removeStub(index) } else { stub.pointee.lastSYN = flow }
      if flow != 0, reversed { stub.pointee.key = stub.pointee.key.reversed }
      index = next
    }
    guard flow != 0, first != 0 else { return }
    furtherKeys[Int(flow)] = first
    records.pointer(flow).pointee.traits.insert(.hasFurtherKeys)
  }

  /// The flow that a record found in the table belongs to.
  @inline(__always)
  func owner(of index: UInt32) -> UInt32 {
    let record = records.base + Int(index)
    return record.pointee.traits.contains(.furtherKey) ? record.pointee.lastSYN : index
  }

  private mutating func removeStub(_ index: UInt32) {
    let stub = records.pointer(index)
    _ = table.remove(stub.pointee.hash, index)
    // Somebody may still look at it who found it before.
    stub.pointee.traits = []
    records.free(index)
    furtherKeyCount -= 1
  }

  private mutating func hash(of key: FlowKey) -> UInt64 {
    var key = key
    key.rest &= keyMask
    return flowHash.hash(key)
  }

  /// The record in the table with `key`, in either direction, 0 for none.
  private mutating func find(_ key: FlowKey, hash: UInt64) -> UInt32 {
    let base = records.base
    let mask = keyMask
    let reversed = key.reversed
    return table.find(hash) { index in
      let known = base[Int(index)].key
      return Tracker.isSame(known, key, mask) || Tracker.isSame(known, reversed, mask)
    }
  }

  private static func isSame(_ one: FlowKey, _ other: FlowKey, _ mask: UInt64) -> Bool {
    one.source == other.source && one.destination == other.destination && (one.rest ^ other.rest) & mask == 0
  }
}
