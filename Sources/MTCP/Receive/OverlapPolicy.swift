/// Whose bytes count where a new segment overlaps one that is queued and not yet read.
///
/// Receivers differ here, and an attacker who knows how can show a monitor another stream than the receiver reads. The
/// policies are those that Snort's and Suricata's target-based reassembly tell apart.
@frozen
public enum OverlapPolicy: UInt8, BitwiseCopyable, CaseIterable, Sendable {
  /// What came first stays.
  case first = 0
  /// What came last replaces it.
  case last
  /// Linux: the lowest start wins; with the same start the longer; with the same range the older.
  case linux
  /// Linux before 2.2.
  case oldLinux
  /// FreeBSD, NetBSD, OpenBSD.
  case bsd
  /// Windows before Vista.
  case windows
  /// macOS.
  case macos
  /// Solaris.
  case solaris
  /// HP-UX 10.
  case hpux10
  /// HP-UX 11.
  case hpux11
  /// IRIX.
  case irix
  /// Windows Vista and later.
  case vista

  /// The policy with this name, as in `name`; `nil` if there is none.
  public init?(name: String) {
    guard let policy = OverlapPolicy.allCases.first(where: { $0.name == name }) else { return nil }
    self = policy
  }

  /// How it is named in configuration: the case's name, `old-linux` for `oldLinux`.
  public var name: String {
    switch self {
    case .first: "first"
    case .last: "last"
    case .linux: "linux"
    case .oldLinux: "old-linux"
    case .bsd: "bsd"
    case .windows: "windows"
    case .macos: "macos"
    case .solaris: "solaris"
    case .hpux10: "hpux10"
    case .hpux11: "hpux11"
    case .irix: "irix"
    case .vista: "vista"
    }
  }

  /// Whether the answer does not depend on where the segments lie.
  @inlinable var ignoresBoundaries: Bool { self == .first || self == .last || self == .vista }

  /// The ways of overlapping in which the new segment wins, one bit each: 1 it starts before and ends inside, 2 it
  /// starts before and covers all, 4 same start and longer, 8 same range, 16 inside or same start and shorter, 32 it
  /// starts inside and ends after.
  @inlinable var winningOverlaps: UInt8 {
    switch self {
    case .first, .vista: 0
    case .last: 1 | 2 | 4 | 8 | 16 | 32
    case .linux, .hpux10, .irix: 1 | 2 | 4
    case .bsd, .windows, .macos: 1 | 2
    case .oldLinux: 1 | 2 | 4 | 8
    case .solaris, .hpux11: 2 | 4 | 8 | 32
    }
  }

  /// Whether the new segment's bytes replace those of the old one where they overlap. The ranges are those of the
  /// segments as they were sent; ends are behind the last byte. Has no meaning for segments that do not overlap.
  @inlinable public func newWins(
    newStart: SequenceNumber, newEnd: SequenceNumber, oldStart: SequenceNumber, oldEnd: SequenceNumber
  ) -> Bool {
    let overlap: UInt8
    let start = newStart.distance(from: oldStart)
    let end = newEnd.distance(from: oldEnd)
    if start < 0 {
      overlap = end < 0 ? 1 : 2
    } else if end > 0 {
      overlap = start == 0 ? 4 : 32
    } else {
      overlap = start == 0 && end == 0 ? 8 : 16
    }
    return winningOverlaps & overlap != 0
  }
}
