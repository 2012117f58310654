import EventDSL
import Records

extension WorkerPool {
  /// What each middlebox of the row came to, in all workers together. `names` are what the command line calls them.
  func boxes(_ names: [String]) -> [MiddleboxSummary] {
    let rows = rows
    let drops = drops
    return names.enumerated().map { place, name in
      MiddleboxSummary(
        name: name, dropped: drops.reduce(0) { $0 &+ $1[place] },
        summary: rows[0][place].summary(with: rows.dropFirst().map { $0[place] }))
    }
  }
}
