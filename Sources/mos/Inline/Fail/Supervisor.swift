#if canImport(Glibc)
  import Glibc
#endif

/// The process that stays when a box crashes: it starts boxes and a bypass, carries messages and signals between them, and does
/// as `Failover` decides. It runs no handler and looks at no packet.
struct Supervisor {
  private static let forwarded = [SIGINT, SIGTERM, SIGHUP]
  private let arguments: [String]
  private var failover: Failover
  private var box: ChildProcess?
  private var bypass: ChildProcess?
  private let signals: SignalPipe
  /// There was a box.
  private var hasStarted = false

  private let groups: FanoutGroups?
  private let heartbeats: Heartbeats
  private var watch = StallWatch()

  /// A supervisor of boxes that are started with `arguments`, which say the same as `options`.
  init(_ mode: FailMode, _ options: InlineOptions, arguments: [String]) throws(ReplayFailure) {
    self.arguments = arguments
    groups = options.sharesPorts ? FanoutGroups(options.ports) : nil
    heartbeats = try Heartbeats()
    signals = try SignalPipe(Supervisor.forwarded + [SIGCHLD])
    failover = Failover(mode, at: IdleWait.now)
  }

  /// Works until a box ends by itself, or is ended. Returns the exit status.
  mutating func run() -> Int32 {
    var status = perform(failover.begin())
    while status == nil {
      wait()
      // What a process said comes before its end.
      let came = signals.take()
      status = takeMessages()
      for number in came where status == nil && number != SIGCHLD { status = take(.signal(number)) }
      if status == nil { status = takeEnds() }
      if status == nil { status = takeStall() }
      if status == nil { status = take(.time) }
    }
    endBypass()
    return status ?? 3
  }

  private func wait() {
    var requests = [signals.descriptor, box?.channel.descriptor ?? -1, bypass?.channel.descriptor ?? -1].map {
      pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
    }
    var time = failover.nextTime.map { max(0, ($0 - IdleWait.now + 999_999) / 1_000_000) } ?? -1
    if box != nil, time < 0 || time > StallWatch.period / 1_000_000 { time = StallWatch.period / 1_000_000 }
    poll(&requests, nfds_t(requests.count), Int32(clamping: time))
  }

  private mutating func takeMessages() -> Int32? {
    while let channel = box?.channel, case .message(let message) = channel.receive() {
      if let status = take(.box(message)) { return status }
    }
    while let channel = bypass?.channel, case .message(let message) = channel.receive() {
      if let status = take(.bypass(message)) { return status }
    }
    return nil
  }

  private mutating func takeEnds() -> Int32? {
    if let end = bypass?.takeEnd() {
      bypass = nil
      if let status = take(.bypassEnded(end)) { return status }
    }
    guard let end = box?.takeEnd() else { return nil }
    if let status = takeMessages() { return status }
    box = nil
    return take(.boxEnded(end))
  }

  /// Looks whether the box's threads go on.
  private mutating func takeStall() -> Int32? {
    guard let box else { return nil }
    let stall = watch.look(heartbeats.counts, at: IdleWait.now)
    if stall < StallWatch.limit { return nil }
    watch.reset()
    // Who looks at it needs it as it is.
    return box.isTraced ? nil : take(.boxStalled(stall))
  }

  private mutating func take(_ event: Failover.Event) -> Int32? {
    perform(failover.take(event, at: IdleWait.now))
  }

  /// Does what was decided. Returns the exit status when that is to end.
  private mutating func perform(_ actions: [Failover.Action]) -> Int32? {
    for action in actions {
      switch action {
      case .startBox:
        let isRestarted = hasStarted
        hasStarted = true
        heartbeats.restAll()
        watch.reset()
        let shared = heartbeats.descriptor
        let role = { FailRole.box($0, heartbeats: shared, isRestarted: isRestarted) }
        if let status = start(\.box, role) { return status }
      case .startBypass: if let status = start(\.bypass, FailRole.bypass) { return status }
      case .tellBox(let message): box?.channel.send(message)
      case .tellBypass(let message): bypass?.channel.send(message)
      case .signalBox(let number): box?.signal(number)
      case .say(let line): complain("mos: \(line)\n")
      case .exit(let status): return status
      }
    }
    return nil
  }

  /// Returns an exit status where it is not to be tried again.
  private mutating func start(
    _ place: WritableKeyPath<Supervisor, ChildProcess?>, _ role: (Int32) -> FailRole
  ) -> Int32? {
    do throws(ReplayFailure) {
      let others = [box, bypass].compactMap { $0?.identifier }
      var child = try ChildProcess(
        arguments, role: role, sharing: heartbeats.descriptor, blocking: Supervisor.forwarded)
      while groups?.collide(child.identifier, others) == true {
        let next = try ChildProcess(
          arguments, role: role, sharing: heartbeats.descriptor, blocking: Supervisor.forwarded)
        child.end()
        child = next
      }
      self[keyPath: place] = child
      return nil
    } catch {
      complain("mos: \(error.message)\n")
      return take(place == \.box ? .boxEnded(.status(error.status)) : .bypassEnded(.status(error.status)))
    }
  }

  /// A bypass ends when nobody is at the other end of its channel.
  private mutating func endBypass() {
    guard let identifier = bypass?.identifier else { return }
    bypass = nil
    for _ in 0..<200 {
      if waitpid(identifier, nil, WNOHANG) != 0 { return }
      usleep(10_000)
    }
    kill(identifier, SIGKILL)
    waitpid(identifier, nil, 0)
  }
}
