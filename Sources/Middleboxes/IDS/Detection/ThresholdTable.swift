import MOSCore

/// Counts matches for `threshold` and `detection_filter`, in packet time.
struct ThresholdTable {
  /// Counters at a time; then those whose periods are over are given up, and if there are none, all are.
  static let largest = 65_536

  private struct Key: Hashable {
    var rule: UInt32
    var isFilter: Bool
    var first: IPAddress?
    var second: IPAddress?
    var flow: UInt64
  }

  private struct Counter {
    var began: Timestamp
    var count: UInt32
    var seconds: UInt32
  }

  private var counters: [Key: Counter] = [:]

  /// Counts a match of what `key`'s source sends in a flow that is named by its first packet; whether the rule alerts.
  mutating func alerts(_ rule: IDSRule, index: UInt32, _ key: FlowKey, flow: UInt64, at time: Timestamp) -> Bool {
    if let filter = rule.detectionFilter {
      let counter = count(
        place(index, isFilter: true, filter.track, key, flow), seconds: filter.seconds, at: time)
      if counter.count <= filter.count { return false }
    }
    guard let threshold = rule.threshold else { return true }
    let place = place(index, isFilter: false, threshold.track, key, flow)
    let counter = count(place, seconds: threshold.seconds, at: time)
    switch threshold.kind {
    case .limit: return counter.count <= threshold.count
    case .both: return counter.count == threshold.count
    case .threshold:
      guard counter.count >= threshold.count else { return false }
      counters[place]?.count = 0
      return true
    }
  }

  /// The counters of rules that have other numbers; those of others are given up.
  func moved(by places: [UInt32: UInt32]) -> ThresholdTable {
    var result = ThresholdTable()
    for (key, counter) in counters {
      guard let place = places[key.rule] else { continue }
      var moved = key
      moved.rule = place
      result.counters[moved] = counter
    }
    return result
  }

  private func place(
    _ rule: UInt32, isFilter: Bool, _ track: RuleTrack, _ key: FlowKey, _ flow: UInt64
  ) -> Key {
    switch track {
    case .source: Key(rule: rule, isFilter: isFilter, first: key.source, flow: 0)
    case .destination: Key(rule: rule, isFilter: isFilter, second: key.destination, flow: 0)
    case .both: Key(rule: rule, isFilter: isFilter, first: key.source, second: key.destination, flow: 0)
    case .rule: Key(rule: rule, isFilter: isFilter, flow: 0)
    case .flow: Key(rule: rule, isFilter: isFilter, flow: flow)
    }
  }

  private mutating func count(_ key: Key, seconds: UInt32, at time: Timestamp) -> Counter {
    if counters.count >= Self.largest, counters[key] == nil {
      counters = counters.filter { time.since($0.value.began) < Int64($0.value.seconds) * 1_000_000_000 }
      if counters.count >= Self.largest { counters.removeAll(keepingCapacity: true) }
    }
    var counter = counters[key] ?? Counter(began: time, count: 0, seconds: seconds)
    if time.since(counter.began) >= Int64(seconds) * 1_000_000_000 {
      counter = Counter(began: time, count: 0, seconds: seconds)
    }
    counter.count &+= 1
    counters[key] = counter
    return counter
  }
}
