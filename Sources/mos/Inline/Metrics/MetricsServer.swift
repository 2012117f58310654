import NIOCore
import NIOHTTP1
import NIOPosix
import PacketIO
import Synchronization

/// Where a server listens.
struct MetricsAddress: Hashable, Sendable, CustomStringConvertible {
  var host: String
  var port: Int

  /// An address from `HOST:PORT`, with brackets around one of IPv6; nil where it is none.
  init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty else { return nil }
    (self.host, self.port) = (String(host), Int(port))
  }

  var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Answers HTTP requests for a bridge's counters, on a thread of its own.
final class MetricsServer: Sendable {
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let text = MetricsText()

  /// Listens at `address`. Throws what the system says.
  init(_ address: MetricsAddress) throws(ReplayFailure) {
    let text = text
    let server = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 16)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          try pipeline.addHandler(IdleStateHandler(allTimeout: .seconds(10)))
          try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
          try pipeline.addHandler(MetricsHandler(text))
        }
      }
    do { _ = try server.bind(host: address.host, port: address.port).wait() } catch {
      try? group.syncShutdownGracefully()
      throw ReplayFailure(message: "--metrics \(address): \(error)", status: 3)
    }
  }

  /// What is answered from now on.
  func publish(_ counters: [InlinePortCounters], areUp: [Bool], past: SupervisedBox.Past?) {
    text.set(MetricsText.format(counters, areUp: areUp, past: past))
  }

  /// Answers no more.
  func stop() { try? group.syncShutdownGracefully() }
}

/// Answers the requests of one connection: one, and then it is closed.
private final class MetricsHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let text: MetricsText
  private var head: HTTPRequestHead?

  init(_ text: MetricsText) { self.text = text }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): self.head = head
    case .body: break
    case .end:
      if let head { answer(head, context) }
      head = nil
    }
  }

  private func answer(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
    let isKnown = request.uri.prefix { $0 != "?" } == "/metrics"
    let isAllowed = request.method == .GET || request.method == .HEAD
    let status: HTTPResponseStatus = isKnown ? isAllowed ? .ok : .methodNotAllowed : .notFound
    let body = context.channel.allocator.buffer(string: status == .ok ? text.value : "\(status.reasonPhrase)\n")
    var head = HTTPResponseHead(version: .http1_1, status: status)
    head.headers.add(
      name: "Content-Type", value: status == .ok ? "text/plain; version=0.0.4; charset=utf-8" : "text/plain")
    head.headers.add(name: "Content-Length", value: "\(body.readableBytes)")
    head.headers.add(name: "Connection", value: "close")
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if request.method != .HEAD { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
    let channel = context.channel
    context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    // Who says nothing, or does not take the answer, is not waited for.
    if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
