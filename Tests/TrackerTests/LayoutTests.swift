import MOSCore
import Testing

@testable import DualStackTracker

@Suite("Memory of a flow")
struct LayoutTests {
  @Test("A TCP flow takes at most 512 bytes")
  func bytesOfAFlow() {
    let record = MemoryLayout<FlowRecord>.stride
    let connection = MemoryLayout<Connection>.stride
    // A table entry at a load of 1/2, the timer's node and the age queue's node.
    let sideArrays = 8 * 2 + 16 + 8
    #expect(
      record + connection + sideArrays <= 512, "record \(record), connection \(connection), arrays \(sideArrays)")
    #expect(record <= 232)
  }

  @Test("The two ends lie first, client before server, so that a side finds its own by its place")
  func sidesComeFirst() {
    #expect(MemoryLayout<FlowRecord>.offset(of: \.client) == 0)
    #expect(MemoryLayout<FlowRecord>.offset(of: \.server) == MemoryLayout<EndpointCounters>.stride)
    #expect(MemoryLayout<Connection>.offset(of: \.client) == 0)
    #expect(MemoryLayout<Connection>.offset(of: \.server) == MemoryLayout<Endpoint>.stride)
    #expect(MemoryLayout<FlowKey>.offset(of: \.source) == 0 && MemoryLayout<FlowKey>.offset(of: \.destination) == 16)
    #expect(Side.client.rawValue == 0 && Side.server.rawValue == 1)
  }

  @Test("The ends of a flow are found by side")
  func endsBySide() {
    let connection = UnsafeMutablePointer<Connection>.allocate(capacity: 1)
    defer { connection.deallocate() }
    connection.initialize(to: Connection())
    connection.endpoint(.client).pointee.timeToLive = 1
    connection.endpoint(.server).pointee.timeToLive = 2
    #expect(connection.pointee.client.timeToLive == 1)
    #expect(connection.pointee.server.timeToLive == 2)
  }
}
