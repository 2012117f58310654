import Foundation
import MOSCore
import PacketIO
import Testing

/// Where captures come from: files, pipes, and what is neither.
@Suite struct InputTests {
  static func sample(packets: Int, length: Int = 200) -> CaptureBuilder {
    var builder = CaptureBuilder.records()
    for index in 0..<packets {
      builder.record(sampleFrame(length, seed: index), seconds: UInt32(index))
    }
    return builder
  }

  static func read(path: String) -> ReadResult {
    do throws(CaptureError) {
      return readAll(try CaptureReader(path: path))
    } catch {
      return ReadResult(errors: [error])
    }
  }

  /// Writes `bytes` into a FIFO in portions of `portion`, from a thread of its own.
  static func feed(_ bytes: [UInt8], into path: String, portion: Int) {
    // A reader may go before it has read everything.
    signal(SIGPIPE, SIG_IGN)
    Thread.detachNewThread {
      let descriptor = open(path, O_WRONLY)
      var position = 0
      while position < bytes.count {
        let written = bytes.withUnsafeBytes {
          write(descriptor, $0.baseAddress! + position, min(portion, bytes.count - position))
        }
        if written <= 0 { break }
        position += written
      }
      close(descriptor)
    }
  }

  @Test("a file gives what the same bytes in memory give, and lasts only until the next call")
  func file() throws {
    let folder = try TemporaryFolder()
    let bytes = Self.sample(packets: 30_000).bytes
    let path = try folder.write(bytes, "a.pcap")
    let result = Self.read(path: path)
    #expect(result == readAll(bytes))
    #expect(result.packetsRead == 30_000)
    let reader = try CaptureReader(path: path)
    let properties = (reader.totalBytes, reader.byteOffset, reader.keepsFrames)
    #expect(properties == (UInt64(bytes.count), 24, false))
  }

  @Test("a FIFO is streamed, however its bytes arrive", arguments: [1, 7, 4096, 1 << 20])
  func fifo(portion: Int) throws {
    let folder = try TemporaryFolder()
    let bytes = Self.sample(packets: portion < 100 ? 40 : 5000).bytes
    for cut in [0, 100] {
      let path = folder.path("fifo\(cut)")
      #expect(mkfifo(path, 0o600) == 0)
      let input = Array(bytes.dropLast(cut))
      Self.feed(input, into: path, portion: portion)
      var result = Self.read(path: path)
      var expected = readAll(input)
      #expect(result.errors.map(\.byteOffset) == expected.errors.map(\.byteOffset))
      #expect(result.errors.count == (cut == 0 ? 0 : 1))
      result.errors = []
      expected.errors = []
      #expect(result == expected)
    }
  }

  @Test("a stream holds frames longer than its window, and passes over blocks longer than any memory it takes")
  func longInStream() throws {
    let folder = try TemporaryFolder()
    var builder = CaptureBuilder()
    builder.section()
    builder.interface()
    builder.enhanced(sampleFrame(100))
    builder.enhanced(sampleFrame(3_000_001))
    builder.block(0x0bad) { $0.put([UInt8](repeating: 6, count: 20 << 20)) }
    builder.enhanced(sampleFrame(101))
    for cut in [0, 200] {
      let path = folder.path("fifo\(cut)")
      #expect(mkfifo(path, 0o600) == 0)
      let input = Array(builder.bytes.dropLast(cut))
      Self.feed(input, into: path, portion: 1 << 20)
      let result = Self.read(path: path)
      #expect(result.frames.map(\.bytes.count) == (cut == 0 ? [100, 3_000_001, 101] : [100, 3_000_001]))
      #expect(result.errors.map(\.packet) == (cut == 0 ? [] : [3]))
    }
  }

  @Test("a stream has no length, and its frames last only until the next call")
  func streamProperties() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("fifo")
    #expect(mkfifo(path, 0o600) == 0)
    Self.feed(Self.sample(packets: 1).bytes, into: path, portion: 10)
    let reader = try CaptureReader(path: path)
    let (total, keepsFrames) = (reader.totalBytes, reader.keepsFrames)
    #expect(total == nil)
    #expect(!keepsFrames)
  }

  @Test("what cannot be opened is named, with the reason")
  func cannotOpen() throws {
    let folder = try TemporaryFolder()
    let missing = folder.path("missing.pcap")
    #expect(Self.read(path: missing).errors.map(\.description) == ["\(missing): No such file or directory"])
    #expect(Self.read(path: missing).errors.map(\.kind) == [.cannotOpen])
    #expect(Self.read(path: folder.url.path).errors.map(\.description) == ["\(folder.url.path): is a directory"])
    let empty = try folder.write([], "empty.pcap")
    #expect(Self.read(path: empty).errors.map(\.description) == ["\(empty): is empty; no capture"])
    #expect(Self.read(path: "/dev/null").errors.map(\.kind) == [.notACapture])
    let text = try folder.write(Array("#!/bin/sh\n".utf8), "text")
    #expect(
      Self.read(path: text).errors.map(\.description) == [
        "\(text): not a capture file (first bytes 23 21 2f 62); pcap and pcapng are read"
      ])
  }

  @Test(
    "a file that is cut short while it is read ends there, and does not end the process",
    arguments: [0, 24, 1000, 200_000, 3 << 20])
  func shrinkingFile(length: Int) throws {
    let folder = try TemporaryFolder()
    let bytes = Self.sample(packets: 40_000).bytes
    let path = try folder.write(bytes, "a.pcap")
    var reader = try CaptureReader(path: path)
    let result = read(&reader) { #expect(truncate(path, length) == 0) }
    let whole = readAll(bytes)
    #expect(result.frames.count >= 32 && result.frames.count < 40_000)
    #expect(result.frames.elementsEqual(whole.frames.prefix(result.frames.count)))
    #expect(result.errors.map(\.kind) == [.damaged])
    #expect(result.errors.first?.packet == UInt64(result.frames.count + 1))
    #expect(reader.totalBytes == UInt64(bytes.count))
  }

  @Test("a file that somebody still writes to is read up to the end that it then has")
  func growingFile() throws {
    let folder = try TemporaryFolder()
    let bytes = Self.sample(packets: 2000).bytes
    let path = try folder.write(Array(bytes.prefix(bytes.count / 2)), "a.pcap")
    var reader = try CaptureReader(path: path)
    let rest = Array(bytes.dropFirst(bytes.count / 2))
    let result = read(&reader) {
      let file = fopen(path, "a")!
      #expect(fwrite(rest, 1, rest.count, file) == rest.count)
      fclose(file)
    }
    #expect(result.errors.isEmpty && result.frames == readAll(bytes).frames)
  }

  /// Reads to the end; `meanwhile` is called behind the first burst.
  private func read(
    _ reader: inout CaptureReader, meanwhile: () -> Void
  ) -> (frames: [FrameCopy], errors: [CaptureError]) {
    var frames: [FrameCopy] = []
    var errors: [CaptureError] = []
    let burst = UnsafeMutableBufferPointer<CapturedFrame>.allocate(capacity: 32)
    defer { burst.deallocate() }
    while errors.isEmpty {
      do throws(CaptureError) {
        let taken = try reader.next(into: burst.baseAddress!, capacity: 32)
        if taken == 0 { break }
        if frames.isEmpty { meanwhile() }
        frames += burst[..<taken].map { FrameCopy($0) }
      } catch {
        errors.append(error)
      }
    }
    return (frames, errors)
  }
}
