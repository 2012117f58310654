import Testing

@testable import MTCP

@Suite struct TCPStateMachineTests {
  /// RFC 9293 figure 5 and 3.10, line by line; what is not here leaves the state as it is.
  static let transitions: [(from: TCPState, event: TCPStateEvent, to: TCPState)] = [
    (.closed, .passiveOpen, .listen),
    (.closed, .activeOpen, .synSent),
    (.closed, .sendSyn, .synSent),
    (.closed, .sendSynAck, .synReceived),
    (.listen, .activeOpen, .synSent),
    (.listen, .sendSyn, .synSent),
    (.listen, .receiveSyn, .synReceived),
    (.listen, .sendSynAck, .synReceived),
    (.listen, .closeUnsynchronized, .closed),
    (.synSent, .receiveSyn, .synReceived),
    (.synSent, .sendSynAck, .synReceived),
    (.synSent, .receiveSynAck, .established),
    (.synSent, .closeUnsynchronized, .closed),
    (.synReceived, .ackOfSyn, .established),
    (.synReceived, .receiveSynAck, .established),
    (.synReceived, .sendFin, .finWait1),
    (.synReceived, .receiveFin, .closeWait),
    (.synReceived, .receiveFinAndAckOfFin, .closeWait),
    (.established, .sendFin, .finWait1),
    (.established, .receiveFin, .closeWait),
    (.established, .receiveFinAndAckOfFin, .closeWait),
    (.finWait1, .ackOfFin, .finWait2),
    (.finWait1, .receiveFin, .closing),
    (.finWait1, .receiveFinAndAckOfFin, .timeWait),
    (.finWait2, .receiveFin, .timeWait),
    (.finWait2, .receiveFinAndAckOfFin, .timeWait),
    (.closeWait, .sendFin, .lastAck),
    (.closing, .ackOfFin, .timeWait),
    (.closing, .receiveFinAndAckOfFin, .timeWait),
    (.lastAck, .ackOfFin, .closed),
    (.lastAck, .receiveFinAndAckOfFin, .closed),
    (.timeWait, .timeWaitExpired, .closed),
  ]

  @Test func everyStateAndEvent() {
    for state in TCPState.allCases {
      for event in TCPStateEvent.allCases {
        let expected: TCPState
        switch event {
        case .abort: expected = .closed
        case .reset, .userTimeout: expected = state == .listen ? .listen : .closed
        default: expected = Self.transitions.first { $0.from == state && $0.event == event }?.to ?? state
        }
        #expect(state.after(event) == expected, "\(state) after \(event)")
      }
    }
  }

  func states(_ start: TCPState, _ events: TCPStateEvent...) -> [TCPState] {
    var state = start
    return events.map { event in
      state = state.after(event)
      return state
    }
  }

  @Test func handshakeAndClose() {
    #expect(
      states(.closed, .activeOpen, .receiveSynAck, .sendFin, .ackOfFin, .receiveFin, .timeWaitExpired)
        == [.synSent, .established, .finWait1, .finWait2, .timeWait, .closed])
    #expect(
      states(.closed, .passiveOpen, .receiveSyn, .ackOfSyn, .receiveFin, .sendFin, .ackOfFin)
        == [.listen, .synReceived, .established, .closeWait, .lastAck, .closed])
  }

  @Test func simultaneousOpen() {
    #expect(states(.synSent, .receiveSyn, .receiveSynAck) == [.synReceived, .established])
    #expect(states(.synSent, .receiveSyn, .ackOfSyn) == [.synReceived, .established])
  }

  @Test func simultaneousClose() {
    #expect(
      states(.established, .sendFin, .receiveFin, .ackOfFin, .timeWaitExpired)
        == [.finWait1, .closing, .timeWait, .closed])
  }

  @Test func finWithTheAckOfOurFin() {
    #expect(states(.established, .sendFin, .receiveFinAndAckOfFin) == [.finWait1, .timeWait])
  }

  @Test func halfCloseStillReceivesData() {
    #expect(TCPState.allCases.filter(\.receivesData) == [.established, .finWait1, .finWait2])
    #expect(
      TCPState.allCases.filter(\.isSynchronized)
        == [.established, .finWait1, .finWait2, .closeWait, .closing, .lastAck, .timeWait])
  }
}

@Suite struct SegmentAcceptabilityTests {
  static let bases: [UInt32] = [1000, 0, UInt32.max, UInt32.max - 50, 1 << 31 - 1]

  /// RFC 9293 3.4, table 6, on numbers counted one by one.
  @Test(arguments: bases)
  func theFourCases(base: UInt32) {
    for window in UInt32(0)...8 {
      for length in UInt32(0)...6 {
        for offset in -10...12 {
          let first = offset
          let last = offset + Int(length) - 1
          let inWindow = 0..<Int(window)
          let expected =
            length == 0
            ? (window == 0 ? offset == 0 : inWindow.contains(first))
            : window > 0 && (inWindow.contains(first) || inWindow.contains(last))
          let result = SegmentAcceptability.isAcceptable(
            sequence: SequenceNumber(base &+ UInt32(truncatingIfNeeded: offset)), length: length,
            rcvNxt: SequenceNumber(base), rcvWindow: window)
          #expect(result == expected, "window \(window), length \(length), offset \(offset)")
        }
      }
    }
  }

  @Test(arguments: bases)
  func onlyAnExactResetEndsTheConnection(base: UInt32) {
    func decision(_ offset: Int64, window: UInt32) -> ResetDecision {
      SegmentAcceptability.resetDecision(
        sequence: SequenceNumber(base &+ UInt32(truncatingIfNeeded: offset)), rcvNxt: SequenceNumber(base),
        rcvWindow: window)
    }
    #expect(decision(0, window: 5000) == .accept)
    #expect(decision(0, window: 0) == .accept)
    #expect(decision(1, window: 5000) == .challenge)
    #expect(decision(4999, window: 5000) == .challenge)
    #expect(decision(5000, window: 5000) == .ignore)
    #expect(decision(-1, window: 5000) == .ignore)
    #expect(decision(1, window: 0) == .ignore)
    #expect(decision(1 << 31, window: 1 << 30) == .ignore)
  }

  @Test(arguments: bases)
  func acknowledgments(base: UInt32) {
    func decision(_ offset: Int64) -> AcknowledgmentDecision {
      SegmentAcceptability.acknowledgmentDecision(
        acknowledgment: SequenceNumber(base &+ UInt32(truncatingIfNeeded: offset)), sndUna: SequenceNumber(base),
        sndNxt: SequenceNumber(base &+ 3000), maximumSendWindow: 65_535)
    }
    #expect(decision(3001) == .beyondSent)
    #expect(decision(3000) == .new)
    #expect(decision(1) == .new)
    #expect(decision(0) == .duplicate)
    #expect(decision(-65_535) == .duplicate)
    #expect(decision(-65_536) == .tooOld)
    #expect(decision(-1_000_000_000) == .tooOld)
  }

  @Test func anOlderTimestampFailsPAWS() {
    #expect(!SegmentAcceptability.failsPAWS(value: 100, recent: 100))
    #expect(!SegmentAcceptability.failsPAWS(value: 101, recent: 100))
    #expect(SegmentAcceptability.failsPAWS(value: 99, recent: 100))
    #expect(SegmentAcceptability.failsPAWS(value: 0, recent: 100))
    #expect(!SegmentAcceptability.failsPAWS(value: 5, recent: UInt32.max - 5))
    #expect(SegmentAcceptability.failsPAWS(value: UInt32.max - 5, recent: 5))
    #expect(!SegmentAcceptability.failsPAWS(value: 99, recent: 100, recentIsStale: true))
  }
}
