// Unsafe code: `bytes` is allocated once and never freed or written again, so that a table can be a global constant
// that threads share; `ends[i]` is at most its length and not below `ends[i - 1]`.

import DualStackTracker
import MOSCore
import MTCP

/// The names of an enumeration's cases as bytes, made once, so that writing one allocates nothing.
struct NameTable: @unchecked Sendable {
  private let bytes: UnsafeMutableRawBufferPointer
  private let ends: UnsafeMutableBufferPointer<Int>

  /// A table of `names`, in the order of the raw values.
  init(_ names: [String]) {
    let all = Array(names.joined().utf8)
    bytes = .allocate(byteCount: max(all.count, 1), alignment: 1)
    bytes.copyBytes(from: all)
    ends = .allocate(capacity: max(names.count, 1))
    ends.initialize(repeating: 0)
    var end = 0
    for (index, name) in names.enumerated() {
      end += name.utf8.count
      ends[index] = end
    }
  }

  /// A case's name; empty for a raw value that no case has.
  subscript(index: UInt8) -> UnsafeRawBufferPointer {
    guard Int(index) < ends.count else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    let start = index == 0 ? 0 : ends[Int(index) &- 1]
    return UnsafeRawBufferPointer(rebasing: bytes[start..<ends[Int(index)]])
  }

  static let anomalies = NameTable(Anomaly.allCases.map(\.name))
  static let events = NameTable(EventKind.allCases.map(\.name))
  static let hooks = NameTable(Hook.allCases.map(\.name))
  static let sides = NameTable(Side.allCases.map { "\($0)" })
  static let retransmissions = NameTable(RetransmissionKind.allCases.map(\.name))
  static let packetKinds = NameTable(PacketKind.allCases.map { "\($0)" })
}
