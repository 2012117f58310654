import ArgumentParser

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension ReplayCommand {
  /// What was asked for. Throws a `ValidationError` of one line for values that are out of range or do not go together.
  func options() throws -> ReplayOptions {
    let choices = try middleboxes.choices()
    try check()
    var options = ReplayOptions()
    options.files = files
    options.middleboxes = choices
    flows.apply(to: &options)
    options.explain = explain
    options.filter = filter
    options.packetFile = writePcap
    options.extract = extract
    options.streamHash = streamHash
    options.communityID = communityID
    options.tls = tls
    options.tracker.urgentInline = urgentInline
    if let overlapPolicy { options.tracker.overlapPolicy = overlapPolicy.policy }
    options.workers = workers
    options.loops = loop
    options.preload = preload || loop > 1
    if let speed { options.speed = speed }
    options.quiet = quiet
    options.statistics = stats == .json ? .json : .text
    options.statisticsRequested = stats != nil
    return options
  }

  private var outputFiles: [(option: String, path: String)] {
    [("--conn-log", flows.connLog), ("--eve", flows.eve), ("--events", flows.events), ("--write-pcap", writePcap)]
      .compactMap {
        option, path in
        path.map { (option, $0) }
      }
  }

  private var reportsToEVE: Bool { flows.eve != nil && !middleboxes.middlebox.isEmpty }

  private func check() throws {
    guard 1...64 ~= workers else { throw ValidationError("--workers \(workers): 1 to 64 can work") }
    guard explain != 0 else { throw ValidationError("--explain 0: packets are counted from 1") }
    guard 1...1_000_000_000 ~= loop else { throw ValidationError("--loop \(loop): 1 to 1000000000 times can be run") }
    try flows.check()
    guard !files.isEmpty else { throw ValidationError("there is no capture: give the name of one or more") }
    if flows.connLog == nil {
      let lost = [
        (streamHash, "--stream-hash"), (communityID && !reportsToEVE, "--community-id"),
      ]
      if let option = lost.first(where: \.0)?.1 {
        throw ValidationError("\(option) is about the connection records: give --conn-log FILE too")
      }
    }
    if tls, flows.connLog == nil, flows.eve == nil {
      throw ValidationError("--tls is about the records of flows: give --conn-log FILE or --eve FILE too")
    }
    if files.filter({ $0 == "-" }).count > 1 { throw ValidationError("standard input (-) is given more than once") }
    guard workers == 1 || writePcap == nil else {
      throw ValidationError("--write-pcap: one worker has the packets in their order; leave out --workers \(workers)")
    }
    try checkOutputFiles()
  }

  private func checkOutputFiles() throws {
    let files = outputFiles
    let standard = files.filter { $0.path == "-" }
    if standard.count > 1 {
      let names = standard.map(\.option).joined(separator: " and ")
      throw ValidationError("\(names): only one can go to standard output")
    }
    for (index, file) in files.enumerated() where file.path != "-" {
      if file.path.isEmpty { throw ValidationError("\(file.option): the name of the file is empty") }
      if let other = files[..<index].first(where: { isSameFile($0.path, file.path) }) {
        throw ValidationError("\(other.option) and \(file.option): both would write \(file.path)")
      }
      if let capture = self.files.first(where: { isSameFile($0, file.path) }) {
        throw ValidationError("\(file.option) \(file.path): would overwrite the capture \(capture)")
      }
    }
  }

  /// Whether two names are those of one file. Devices and pipes can be written to under several options.
  private func isSameFile(_ left: String, _ right: String) -> Bool {
    var one = stat()
    var other = stat()
    guard stat(left, &one) == 0, stat(right, &other) == 0 else { return left == right }
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino && one.st_mode & S_IFMT == S_IFREG
  }
}
