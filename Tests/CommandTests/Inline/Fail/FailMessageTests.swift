import Testing

@testable import mos

@Suite("What a box, a bypass and their parent say")
struct FailMessageTests {
  @Test("a message is read as it was written, and nothing else is one")
  func messages() {
    let counts = BypassCounts(passed: [1, .max], lost: [0, 7])
    let messages: [FailMessage] = [
      .wantsPorts, .go(restarts: 3, counts), .runs, .ready, .take, .leave, .took, .failed("no such device"),
      .left(counts),
    ]
    for message in messages { #expect(FailMessage(message.text) == message, "\(message.text)") }
    for text in [
      "", "port", "go", "go 1", "go 1 2 3 4", "go x 1 2 3 4", "left 1 2 3", "left 1 2 3 4 5", "left 1 2 3 x",
    ] {
      #expect(FailMessage(text) == nil, "\(text)")
    }
  }

  @Test("messages come whole, in order, and the end of the other side is seen")
  func channel() throws {
    let (one, other) = try FailChannel.pair()
    #expect(one.receive() == .nothing)
    other.send(.wantsPorts)
    other.send(.failed(String(repeating: "a", count: 2_000)))
    other.send(.runs)
    #expect(one.receive(within: 1_000) == .message(.wantsPorts))
    guard case .message(.failed) = one.receive() else { return #expect(Bool(false), "a long reason is cut") }
    #expect(one.receive() == .message(.runs))
    let left: FailChannel
    do {
      let pair = try FailChannel.pair()
      left = pair.0
      pair.1.send(.took)
    }
    #expect(left.receive(within: 1_000) == .message(.took))
    #expect(left.receive(within: 1_000) == .ended)
  }

  @Test("a role is told and understood; users have none to tell")
  func roles() throws {
    let roles = [
      FailRole.box(3, heartbeats: 5, isRestarted: false), .box(4, heartbeats: 3, isRestarted: true), .bypass(17),
    ]
    for role in roles {
      #expect(FailRole(role.argument) == role)
    }
    for text in ["", "box", "box:3", "box:3:2", "box:3:x", "parent:3:4", "box:3:4:5", "bypass:3:4"] {
      #expect(FailRole(text) == nil)
    }
    let run = try CommandProcess.run("inline", "--fail-role", "nobody")
    #expect(run.status == 2 && run.messages.contains("no option for users"))
    #expect(try !CommandProcess.run("inline", "--help").output.contains("fail-role"))
  }

  @Test("the bypass has files of its own beside those of the box")
  func environment() {
    #expect(bypassEnvironment(["--file-prefix=a", "-m", "64"]) == ["--file-prefix=a-bypass", "-m", "64"])
    #expect(bypassEnvironment(["--file-prefix", "a"]) == ["--file-prefix", "a-bypass"])
  }

  @Test("two processes do not number their sockets at two interfaces alike")
  func groups() {
    // Interfaces 2 and 3: 101 at the one and 100 at the other are the same number.
    let groups = FanoutGroups(difference: 2 ^ 3)
    #expect(groups.collide(100, [101]) && groups.collide(101, [7, 100]))
    #expect(!groups.collide(101, [102, 99]) && !groups.collide(5, []))
    #expect(FanoutGroups(["net_af_packet0,iface=lo", "net_af_packet1,iface=lo"]) != nil)
    #expect(FanoutGroups(["net_af_packet0,iface=nowhere0", "net_af_packet1,iface=lo"]) == nil)
  }

  @Test("what a NAT has not translated does not pass")
  func translation() throws {
    let arguments = ["inline", "--port", "net_null0", "--port", "net_null1", "--middlebox", "nat", "--fail", "open"]
    let run = try CommandProcess.run(arguments)
    #expect(run.status == 2 && run.messages.contains("--fail open: packets that a NAT"), "\(run.messages)")
  }
}
