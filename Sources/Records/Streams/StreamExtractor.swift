import MOSCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Writes what each side of each flow sent into a file of its own, named as tcpflow names it.
///
/// A file is made when its first byte comes. Bytes are written at their offset in the stream, so that what never came
/// is a hole that reads as zeros, as in tcpflow's files. The first failure is remembered in `error`, and what comes
/// later is dropped; the caller reports it at the end.
///
/// A flow is named by an index from `attach`. What is kept for a flow are its addresses and how many streams there were
/// before with the same ones; descriptors are limited, and the file used longest ago is closed for another.
public struct StreamExtractor: ~Copyable {
  private struct File {
    var name: FlowKey
    /// How many streams had this name before; `nil` until the file exists.
    var connection: UInt32?
    /// Whether it belongs to a flow's index in use.
    var isAttached = true
    /// Its place among the open files, or -1.
    var slot = -1
  }

  private struct Slot {
    var descriptor: Int32
    var file: Int
    /// Neighbours in the order of use, -1 for none.
    var newer = -1
    var older = -1
  }

  private let directory: String
  private let limit: Int
  /// Two for each index, the client's first: what that side receives. Those of index 0 are not used.
  private var files: [File]
  private var free: [UInt32] = []
  private var slots: [Slot] = []
  private var freeSlots: [Int] = []
  private var newest = -1
  private var oldest = -1
  private var streams: [FlowKey: UInt32] = [:]
  /// The first failure, if there was one.
  public private(set) var error: OutputError?
  /// Files made.
  public private(set) var fileCount: UInt64 = 0

  /// Files in `directory`, which is made if it is not there; files of an earlier run with the same names are emptied.
  /// At most `maximumDescriptors` (at least 1) are open at a time. Throws when there is no such directory and it cannot
  /// be made.
  public init(directory: String, maximumDescriptors: Int = 256) throws(OutputError) {
    self.directory = directory
    limit = max(1, maximumDescriptors)
    let none = FlowKey(
      source: IPAddress(v4: 0), sourcePort: 0, destination: IPAddress(v4: 0), destinationPort: 0, protocolNumber: 0)
    files = .init(repeating: File(name: none, isAttached: false), count: 2)
    if mkdir(directory, 0o755) != 0 {
      let code = errno
      guard code == EEXIST else { throw OutputError(path: directory, operation: .open, code: code) }
    }
    if access("\(directory)/.", F_OK) != 0 || access(directory, W_OK | X_OK) != 0 {
      throw OutputError(path: directory, operation: .open, code: errno)
    }
  }

  deinit {
    for slot in slots where slot.descriptor >= 0 { _ = close(slot.descriptor) }
  }

  /// A new flow's index, never 0. `key` has the client as source.
  public mutating func attach(_ key: FlowKey) -> UInt32 {
    // tcpflow's names know the outer VLAN only.
    let name = FlowKey(
      source: key.source, sourcePort: key.sourcePort, destination: key.destination,
      destinationPort: key.destinationPort, vlan: key.vlan, protocolNumber: key.protocolNumber)
    if let index = free.popLast() {
      files[Int(index) * 2] = File(name: name.reversed)
      files[Int(index) * 2 + 1] = File(name: name)
      return index
    }
    files.append(File(name: name.reversed))
    files.append(File(name: name))
    return UInt32(files.count / 2 - 1)
  }

  /// Takes bytes that became readable for `side` (so that its peer sent) at `offset` of the stream. An index that is not
  /// in use is ignored.
  public mutating func append(_ attachment: UInt32, _ side: Side, offset: UInt64, bytes: UnsafeRawBufferPointer) {
    let file = Int(attachment) * 2 + Int(side.rawValue)
    guard file < files.count, files[file].isAttached, !bytes.isEmpty, error == nil else { return }
    if files[file].slot < 0 {
      guard openFile(file) else { return }
    } else {
      use(files[file].slot)
    }
    var done = 0
    guard let start = Int(exactly: offset), start <= Int.max - bytes.count else {
      fail(file, EFBIG)
      return
    }
    while done < bytes.count {
      let result = pwrite(
        slots[files[file].slot].descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(start + done))
      if result > 0 {
        done += result
      } else if result == 0 || errno != EINTR {
        fail(file, result == 0 ? EIO : errno)
        return
      }
    }
  }

  /// Ends a flow's streams, and gives its index back.
  public mutating func finish(_ attachment: UInt32) {
    let file = Int(attachment) * 2
    guard file < files.count, files[file].isAttached else { return }
    for file in file...file + 1 {
      closeFile(file)
      files[file].isAttached = false
    }
    free.append(attachment)
  }

  /// Closes every file. What comes later is written to files opened again.
  public mutating func closeAll() {
    for file in files.indices { closeFile(file) }
  }

  private mutating func openFile(_ file: Int) -> Bool {
    var flags = O_WRONLY | O_CREAT | O_CLOEXEC
    if files[file].connection == nil {
      flags |= O_TRUNC
      files[file].connection = streams[files[file].name] ?? 0
      streams[files[file].name, default: 0] += 1
    }
    let path = path(of: files[file])
    if slots.count - freeSlots.count >= limit { closeFile(slots[oldest].file) }
    var descriptor = open(path, flags, 0o644)
    while descriptor < 0 {
      switch errno {
      case EINTR: break
      // The process has fewer descriptors than we were told.
      case EMFILE where oldest >= 0, ENFILE where oldest >= 0: closeFile(slots[oldest].file)
      default:
        fail(file, errno)
        return false
      }
      descriptor = open(path, flags, 0o644)
    }
    if flags & O_TRUNC != 0 { fileCount += 1 }
    let slot = Slot(descriptor: descriptor, file: file)
    if let place = freeSlots.popLast() {
      slots[place] = slot
      files[file].slot = place
    } else {
      slots.append(slot)
      files[file].slot = slots.count - 1
    }
    link(files[file].slot)
    return true
  }

  private mutating func closeFile(_ file: Int) {
    let slot = files[file].slot
    guard slot >= 0 else { return }
    unlink(slot)
    let result = close(slots[slot].descriptor)
    let code = errno
    slots[slot].descriptor = -1
    files[file].slot = -1
    freeSlots.append(slot)
    if result != 0 && code != EINTR { fail(file, code) }
  }

  private mutating func use(_ slot: Int) {
    guard slot != newest else { return }
    unlink(slot)
    link(slot)
  }

  private mutating func link(_ slot: Int) {
    slots[slot].older = newest
    slots[slot].newer = -1
    if newest >= 0 { slots[newest].newer = slot } else { oldest = slot }
    newest = slot
  }

  private mutating func unlink(_ slot: Int) {
    let (newer, older) = (slots[slot].newer, slots[slot].older)
    if newer >= 0 { slots[newer].older = older } else { newest = older }
    if older >= 0 { slots[older].newer = newer } else { oldest = newer }
  }

  private mutating func fail(_ file: Int, _ code: Int32) {
    if error == nil { error = OutputError(path: path(of: files[file]), operation: .extract, code: code) }
  }

  private func path(of file: File) -> String {
    "\(directory)/\(StreamExtractor.name(of: file.name, connection: file.connection ?? 0))"
  }
}
