import Hummingbird
import InstructionTuning
import Logging
import Storage
import Synchronization

/// A judge over real HTTP that answers as a test tells it to.
final class ScriptedJudge: Sendable {
    /// What comes of a request.
    enum Answer: Sendable {
        /// A chat completion with this text.
        case reply(String)
        case status(Int, retryAfter: String? = nil, location: String? = nil, body: String = "")
        /// A body of the status 200 that is no chat completion.
        case garbage([UInt8])
        /// A body that never ends, with and without pauses.
        case endless
        case trickle
        /// Nothing, for longer than anybody waits.
        case silence
    }

    /// What was asked.
    struct Asked: Sendable {
        let path: String
        let authorization: String?
        let body: JSONValue
    }

    private let answer: @Sendable (Int, Asked) -> Answer
    private let asked = Mutex<[Asked]>([])

    /// A judge that answers request number n, counted from zero, by `answer`.
    init(_ answer: @escaping @Sendable (Int, Asked) -> Answer) {
        self.answer = answer
    }

    /// All requests so far, in the order in which they came.
    var requests: [Asked] { asked.withLock { $0 } }

    /// Runs `body` while the judge listens; it hears the port.
    func serve(_ body: (Int) async throws -> Void) async throws {
        let router = Router(context: BasicRequestContext.self)
        router.post("/**") { request, _ in try await self.response(to: request) }
        router.get("/**") { request, _ in try await self.response(to: request) }
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let application = Application(
            router: router, configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { continuation.yield($0.localAddress?.port ?? 0) },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let work = Task { try await application.run() }
        defer { work.cancel() }
        for await port in ports {
            try await body(port)
            break
        }
    }

    private func response(to request: Request) async throws -> Response {
        var request = request
        let bytes = Array(try await request.collectBody(upTo: 1 << 22).readableBytesView)
        let asked = Asked(
            path: request.uri.path, authorization: request.headers[.authorization],
            body: (try? JSONValue.parse(bytes)) ?? .null)
        let number = self.asked.withLock { all in
            all.append(asked)
            return all.count - 1
        }
        switch answer(number, asked) {
        case .reply(let text): return Self.json(Self.completion(text))
        case .status(let code, let retryAfter, let location, let body):
            var headers = HTTPFields()
            headers[.retryAfter] = retryAfter
            headers[.location] = location
            return Response(
                status: HTTPResponse.Status(code: code), headers: headers,
                body: ResponseBody(byteBuffer: ByteBuffer(string: body)))
        case .garbage(let bytes):
            return Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
        case .endless: return Self.stream(of: String(repeating: " ", count: 65536), pause: .zero)
        case .trickle: return Self.stream(of: " ", pause: .milliseconds(20))
        case .silence:
            try await Task.sleep(for: .seconds(600))
            return Response(status: .ok)
        }
    }

    private static func json(_ value: JSONValue) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: value.encoded())))
    }

    private static func stream(of text: String, pause: Duration) -> Response {
        Response(
            status: .ok,
            body: ResponseBody { writer in
                while !Task.isCancelled {
                    try await writer.write(ByteBuffer(string: text))
                    if pause > .zero { try await Task.sleep(for: pause) }
                }
                try await writer.finish(nil)
            })
    }

    private static func completion(_ text: String) -> JSONValue {
        func object(_ members: [(String, JSONValue)]) -> JSONValue { .object(JSONObject(members)) }
        let message = object([("role", .text("assistant")), ("content", .text(text))])
        return object([
            ("id", .text("a")), ("object", .text("chat.completion")), ("model", .text("scripted-1")),
            (
                "choices",
                .array([object([("index", .integer(0)), ("message", message), ("finish_reason", .text("stop"))])])
            ),
            ("usage", object([("prompt_tokens", .integer(100)), ("completion_tokens", .integer(10))])),
        ])
    }
}
