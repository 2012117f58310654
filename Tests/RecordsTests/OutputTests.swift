import Foundation
import Testing

@testable import Records

private func lines(_ count: Int, _ generator: inout SeededGenerator) -> [[UInt8]] {
  (0..<count).map { _ in
    (0..<Int.random(in: 0..<300, using: &generator)).map { _ in .random(in: 32...126, using: &generator) } + [10]
  }
}

extension OutputBuffer {
  fileprivate mutating func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { write($0) } }
}

@Suite("Outputs")
struct OutputBufferTests {
  @Test("a file has what was written, whatever the buffer's size", arguments: [1, 7, 100, 300, 1 << 18])
  func file(_ capacity: Int) throws {
    try withFolder { folder in
      var generator = SeededGenerator(state: UInt64(capacity))
      let records = lines(500, &generator)
      try Data(repeating: 1, count: 1_000_000).write(to: URL(fileURLWithPath: folder + "/out"))
      var output = try OutputBuffer(path: folder + "/out", capacity: capacity)
      for record in records { output.write(record) }
      output.finish()
      let error = output.error
      #expect(error == nil && contents(folder + "/out") == Array(records.joined()))
    }
  }

  @Test("a text is written and emptied")
  func text() throws {
    try withFolder { folder in
      var output = try OutputBuffer(path: folder + "/out")
      var text = RecordText()
      for _ in 0..<3 {
        text.append("line\n")
        output.write(&text)
        #expect(text.count == 0)
      }
      output.finish()
      output.write(Array("late\n".utf8))
      output.finish()
      #expect(contents(folder + "/out") == Array("line\nline\nline\n".utf8))
    }
  }

  @Test("what goes on in a file begins on a new line, also behind a line that was cut off")
  func appending() throws {
    for (known, expected) in [("", "new\n"), ("old\n", "old\nnew\n"), ("old\ncut o", "old\ncut o\nnew\n")] {
      try withFolder { folder in
        try Data(known.utf8).write(to: URL(fileURLWithPath: folder + "/out"))
        var output = try OutputBuffer(path: folder + "/out", headerLines: 1, appends: true)
        let hasContent = output.hasContent
        #expect(hasContent == !known.isEmpty)
        output.write(Array("new\n".utf8))
        output.finish()
        #expect(contents(folder + "/out") == Array(expected.utf8))
      }
    }
  }

  @Test("a full disk is remembered, later records are dropped")
  func fullDisk() throws {
    var output = try OutputBuffer(path: "/dev/full", capacity: 16)
    for _ in 0..<100 { output.write(Array("a record\n".utf8)) }
    output.finish()
    let error = output.error
    #expect(error?.code == ENOSPC)
    #expect(
      error?.description
        == "/dev/full: No space left on device after 0 records; the records that follow are lost")
  }

  @Test("a descriptor that is not open is an error of the first write")
  func badDescriptor() {
    var output = OutputBuffer(descriptor: -1, path: "x", ownsDescriptor: false)
    output.write(Array("one\n".utf8))
    output.flush()
    let error = output.error
    #expect(error == OutputError(path: "x", operation: .write(records: 0), code: EBADF))
  }

  @Test("a reader that goes away is an error, with the number of records it could have read")
  func closedPipe() throws {
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    var output = OutputBuffer(descriptor: ends[1], path: "-", ownsDescriptor: true, headerLines: 1)
    output.write(Array("#header\n1\n2\n".utf8))
    output.flush()
    close(ends[0])
    output.write(Array("3\n".utf8))
    output.finish()
    let error = output.error
    #expect(error == OutputError(path: "-", operation: .write(records: 2), code: EPIPE))
    #expect(error?.description.hasPrefix("standard output: Broken pipe after 2 records") == true)
  }

  @Test("a slow reader behind a non-blocking pipe gets every byte")
  func slowReader() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
    var generator = SeededGenerator(state: 6)
    let records = lines(2000, &generator)
    let reader = ends[0]
    let received = Received()
    let thread = Thread {
      var buffer = [UInt8](repeating: 0, count: 1000)
      while case let count = read(reader, &buffer, buffer.count), count > 0 { received.bytes += buffer[..<count] }
      received.done.signal()
    }
    thread.start()
    var output = OutputBuffer(descriptor: ends[1], path: "-", ownsDescriptor: true, capacity: 100_000)
    for record in records { output.write(record) }
    output.finish()
    received.done.wait()
    close(reader)
    let error = output.error
    #expect(error == nil && received.bytes == Array(records.joined()))
  }

  private final class Received: @unchecked Sendable {
    var bytes: [UInt8] = []
    let done = DispatchSemaphore(value: 0)
  }

  @Test(
    "a file that cannot be opened is an error at the start", arguments: ["/nonexistent/out", "/proc", "/dev/null/x"])
  func cannotOpen(_ path: String) {
    do {
      let output = try OutputBuffer(path: path)
      Issue.record("opened \(output.path)")
    } catch {
      #expect(error.operation == .open && error.description.hasPrefix(path + ": "))
    }
  }
}

@Suite("Merging of workers' records")
struct RecordBlockTests {
  @Test("records split among any number of workers are written in the same order", arguments: [1, 2, 3, 8])
  func split(_ workers: Int) throws {
    try withFolder { folder in
      var generator = SeededGenerator(state: 7)
      let keys = (0..<2000).map { (UInt64.random(in: 0..<300, using: &generator), UInt64($0)) }.shuffled(
        using: &generator)
      let blocks = UnsafeMutableBufferPointer<RecordBlock>.allocate(capacity: workers)
      defer { blocks.deallocate() }
      for index in 0..<workers { blocks.initializeElement(at: index, to: RecordBlock(capacity: 64)) }
      defer { blocks.deinitialize() }
      var output = try OutputBuffer(path: folder + "/out")
      // Twice, because blocks are used again.
      for _ in 0..<2 {
        for key in keys {
          let worker = Int.random(in: 0..<workers, using: &generator)
          blocks[worker].text.append(string: "\(key.0) ")
          blocks[worker].text.append(string: "\(key.1)\n")
          blocks[worker].commit(key1: key.0, key2: key.1)
          blocks[worker].commit(key1: 0, key2: 0)
        }
        RecordBlock.write(blocks, to: &output)
        for index in 0..<workers { #expect(blocks[index].entries.isEmpty && blocks[index].text.count == 0) }
      }
      output.finish()
      let sorted = keys.sorted { $0 < $1 }.map { "\($0.0) \($0.1)\n" }.joined()
      #expect(contents(folder + "/out").map { String(decoding: $0, as: UTF8.self) } == sorted + sorted)
    }
  }

  @Test("a block that was sorted before it is written is written in order")
  func sorted() throws {
    try withFolder { folder in
      var block = RecordBlock()
      for key in [3, 1, 2] as [UInt64] {
        block.text.append(decimal: key)
        block.commit(key1: key, key2: 0)
      }
      block.sort()
      var output = try OutputBuffer(path: folder + "/out")
      block.write(to: &output)
      output.finish()
      #expect(contents(folder + "/out") == Array("123".utf8))
    }
  }

  @Test("records with equal keys keep their order")
  func stability() throws {
    var block = RecordBlock()
    for index in 0..<100 {
      block.text.append(decimal: UInt64(index))
      block.commit(key1: 1, key2: 1)
    }
    block.sort()
    #expect(block.entries.map { String(decoding: block.bytes(of: $0), as: UTF8.self) } == (0..<100).map(String.init))
  }
}
