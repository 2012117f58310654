import MOSCore

/// Several captures merged by time: a binary heap of the sources' next frames.
///
/// Invariant: `sources` holds `sourceCount` initialised elements; `heap` holds the numbers of `heapCount` of them, each
/// with `position < held`, except that before `next` has run the sources in `empty` wait to be filled. A source's frames
/// are looked at only between two refills of its reader.
struct MergeHeap: ~Copyable {
  private struct Source: ~Copyable {
    var reader: CaptureReader
    let frames: UnsafeMutablePointer<CapturedFrame>
    var position = 0
    var held = 0

    init(reader: consuming CaptureReader) {
      self.reader = reader
      frames = .allocate(capacity: MergeHeap.burst)
    }

    deinit { frames.deallocate() }

    var time: Timestamp { frames[position].timestamp }
  }

  private static var burst: Int { 64 }

  private let capacity: Int
  private let sources: UnsafeMutablePointer<Source>
  private var sourceCount = 0
  private let heap: UnsafeMutablePointer<Int>
  private var heapCount = 0
  /// Sources that have given out all that they hold, and may have more.
  private let empty: UnsafeMutablePointer<Int>
  private var emptyCount = 0

  /// Room for `capacity` sources.
  init(capacity: Int) {
    self.capacity = capacity
    sources = .allocate(capacity: capacity)
    heap = .allocate(capacity: capacity)
    empty = .allocate(capacity: capacity)
  }

  deinit {
    sources.deinitialize(count: sourceCount)
    sources.deallocate()
    heap.deallocate()
    empty.deallocate()
  }

  /// Adds a source, which on equal times comes after those added before.
  mutating func add(_ reader: consuming CaptureReader) {
    precondition(sourceCount < capacity)
    (sources + sourceCount).initialize(to: Source(reader: reader))
    empty[emptyCount] = sourceCount
    emptyCount += 1
    sourceCount += 1
  }

  /// Gives out the next frames in the order of time; 0 when all sources have ended.
  mutating func next(
    into frames: UnsafeMutablePointer<CapturedFrame>, capacity: Int, problems: inout [CaptureError]
  ) -> Int {
    if sourceCount == 1 { return nextOfOnly(into: frames, capacity: capacity, problems: &problems) }
    while emptyCount > 0 {
      emptyCount -= 1
      let number = empty[emptyCount]
      if fill(number, problems: &problems) {
        heap[heapCount] = number
        heapCount += 1
        siftUp(heapCount - 1)
      }
    }
    var count = 0
    while count < capacity, heapCount > 0 {
      let number = heap[0]
      let source = sources + number
      frames[count] = source.pointee.frames[source.pointee.position]
      count &+= 1
      source.pointee.position &+= 1
      if source.pointee.position == source.pointee.held {
        // A stream's frames, some of which may just have been given out, end with the next read.
        let isMore = source.pointee.reader.keepsFrames && fill(number, problems: &problems)
        if !isMore {
          heapCount -= 1
          heap[0] = heap[heapCount]
          if !source.pointee.reader.keepsFrames {
            empty[emptyCount] = number
            emptyCount += 1
            siftDown()
            break
          }
        }
      }
      siftDown()
    }
    return count
  }

  /// A single source needs neither heap nor frames of its own.
  private func nextOfOnly(
    into frames: UnsafeMutablePointer<CapturedFrame>, capacity: Int, problems: inout [CaptureError]
  ) -> Int {
    do {
      return try sources.pointee.reader.next(into: frames, capacity: capacity)
    } catch {
      problems.append(error)
      return 0
    }
  }

  private func fill(_ number: Int, problems: inout [CaptureError]) -> Bool {
    let source = sources + number
    source.pointee.position = 0
    do {
      source.pointee.held = try source.pointee.reader.next(into: source.pointee.frames, capacity: Self.burst)
    } catch {
      problems.append(error)
      source.pointee.held = 0
    }
    return source.pointee.held > 0
  }

  private func precedes(_ left: Int, _ right: Int) -> Bool {
    let leftTime = sources[left].time
    let rightTime = sources[right].time
    return leftTime == rightTime ? left < right : leftTime < rightTime
  }

  private func siftUp(_ start: Int) {
    var index = start
    while index > 0 {
      let parent = (index &- 1) / 2
      guard precedes(heap[index], heap[parent]) else { return }
      swap(&heap[index], &heap[parent])
      index = parent
    }
  }

  private func siftDown() {
    var index = 0
    while true {
      var least = 2 &* index &+ 1
      if least >= heapCount { return }
      if least &+ 1 < heapCount, precedes(heap[least &+ 1], heap[least]) { least &+= 1 }
      guard precedes(heap[least], heap[index]) else { return }
      swap(&heap[index], &heap[least])
      index = least
    }
  }

  /// Bytes read of all sources.
  var byteOffset: UInt64 {
    var sum: UInt64 = 0
    for index in 0..<sourceCount { sum &+= sources[index].reader.byteOffset }
    return sum
  }

  /// The sources' length; nil when one is a stream.
  var totalBytes: UInt64? {
    var sum: UInt64 = 0
    for index in 0..<sourceCount {
      guard let length = sources[index].reader.totalBytes else { return nil }
      sum &+= length
    }
    return sum
  }
}
