import Foundation
import Hummingbird
package import MurmurKit
import Observability
import Storage
import Synchronization

/// A run's status over HTTP, to be read only: a page, `/status.json`, `/metrics` for Prometheus, `/health`.
package struct StatusServer: Sendable {
    private let door: Door
    private let renderings: Renderings

    /// - Parameter freshness: for how long what was made for one visitor is shown to the next ones.
    package init(_ board: StatusBoard, door: Door, freshness: Duration = .milliseconds(200)) {
        self.door = door
        renderings = Renderings(board, freshness: freshness)
    }

    /// Listens while `body` runs, and no longer; `announce` is told the address before.
    ///
    /// - Throws: what `body` throws, or `CommandFailure` where the address cannot be listened at: `body` is not begun then.
    package func whileListening<Result>(
        announce: (String) -> Void, _ body: () async throws -> Result
    ) async throws -> Result {
        let (ports, continuation) = AsyncThrowingStream<Int, any Error>.makeStream()
        let isUp = Mutex(false)
        let work = Task {
            do {
                try await door.listen(router(), idleTime: .seconds(30)) { port in
                    isUp.withLock { $0 = true }
                    continuation.yield(port)
                }
                continuation.finish()
            } catch {
                continuation.finish(throwing: error)
                // Whoever waits for the page hears it; later the run goes on without.
                if isUp.withLock({ $0 }) { Terminal.note("murmur: the status page is gone: \(error)") }
            }
        }
        defer { work.cancel() }
        var iterator = ports.makeAsyncIterator()
        guard let port = try await iterator.next() else { throw CancellationError() }
        announce(door.address(port: port))
        return try await body()
    }

    private func router() -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        router.add(middleware: DoorMiddleware(door: door, guarded: .allBut("/health")))
        router.get("/") { [renderings] _, _ in ChatPage.response(await renderings.page()) }
        router.get("/status.json") { [renderings] _, _ in
            Self.response(await renderings.json(), type: "application/json")
        }
        router.get("/metrics") { [renderings] _, _ in
            Self.response(await renderings.metrics(), type: PrometheusText.contentType)
        }
        router.get("/health") { _, _ in Response.json(.members([("status", .text("ok"))])) }
        return router
    }

    private static func response(_ text: String, type: String) -> Response {
        var headers = HTTPFields()
        headers[.contentType] = type
        headers[.cacheControl] = "no-store"
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}

/// Makes what visitors are shown, one thing at a time and each a few times a second at most, however many there are: the
/// run pays no more for a hundred visitors than for one.
private actor Renderings {
    private enum Kind: Hashable {
        case page, json, metrics
    }

    private let board: StatusBoard
    private let freshness: Duration
    private let registry = MetricsRegistry()
    private var exporter: MetricsExporter
    private var made: [Kind: (at: ContinuousClock.Instant, text: String)] = [:]

    init(_ board: StatusBoard, freshness: Duration) {
        self.board = board
        self.freshness = freshness
        for metric in RunMetric.allCases { registry.declare(metric.name, metric.kind, help: metric.meaning) }
        exporter = MetricsExporter(to: registry)
    }

    func page() -> String { text(.page) { StatusPage.html($0, at: $1) } }

    func json() -> String {
        text(.json) { String(decoding: $0.json(at: $1).encoded(indented: false), as: UTF8.self) }
    }

    func metrics() -> String {
        text(.metrics) { status, now in
            exporter.export(status.metrics?.families(at: status.moment(now)) ?? [])
            return registry.text
        }
    }

    private func text(_ kind: Kind, _ make: (RunStatus, Double) -> String) -> String {
        let now = ContinuousClock.now
        if let last = made[kind], now - last.at < freshness { return last.text }
        let text = make(board.status, Date().timeIntervalSince1970)
        made[kind] = (now, text)
        return text
    }
}
