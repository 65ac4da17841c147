import Foundation
import Hummingbird
import LanguageModel
import MurmurKit
import NIOCore
import Storage

/// An endpoint of one base model and its adapters over HTTP, in the form of OpenAI's API, and a page to talk to them.
package struct ChatServer: Sendable {
    private let models: [ServedModel]
    private let settings: ServingSettings

    /// - Parameter models: the base model first; their names differ.
    package init(models: [ServedModel], settings: ServingSettings) {
        precondition(!models.isEmpty && Set(models.map(\.name)).count == models.count, "models with names of their own")
        self.models = models
        self.settings = settings
    }

    /// Listens until the task is cancelled; `ready` hears the port.
    package func run(ready: @escaping @Sendable (Int) async -> Void) async throws {
        try await settings.door.listen(router(), ready: ready)
    }

    private func router() -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        router.add(middleware: DoorMiddleware(door: settings.door, guarded: .under("/v1/")))
        let page = ChatPage.html(models: models.map(\.name), templates: models[0].templates)
        router.get("/") { _, _ in ChatPage.response(page) }
        router.get("/health") { _, _ in await health() }
        router.get("/v1/models") { _, _ in
            Response.json(
                .members([("object", .text("list")), ("data", .array(models.map { Self.entry($0.name) }))]))
        }
        router.get("/v1/models/**") { _, context in
            Response.json(Self.entry(try model(context.parameters.getCatchAll().joined(separator: "/")).name))
        }
        for (path, isChat) in [("/v1/chat/completions", true), ("/v1/completions", false)] {
            router.post(RouterPath(path)) { request, _ in try await complete(request, isChat: isChat) }
        }
        return router
    }

    private func health() async -> Response {
        var loads: [JSONValue] = []
        for model in models {
            let load = await model.desk.load
            loads.append(
                .members([
                    ("name", .text(model.name)), ("writing", .integer(load.writing)),
                    ("waiting", .integer(load.waiting)),
                ]))
        }
        return .json(.members([("status", .text("ok")), ("models", .array(loads))]))
    }

    private static func entry(_ name: String) -> JSONValue {
        .members([
            ("id", .text(name)), ("object", .text("model")), ("created", .integer(0)), ("owned_by", .text("murmur")),
        ])
    }

    /// The model called `name`, the first where a request names none.
    private func model(_ name: String?) throws(ServingFault) -> ServedModel {
        guard let name else { return models[0] }
        guard let model = models.first(where: { $0.name == name }) else {
            throw ServingFault(
                status: .notFound,
                message: "there is no model \"\(name)\"; there is \(models.map(\.name).joined(separator: ", "))",
                type: "invalid_request_error", parameter: "model", code: "model_not_found")
        }
        return model
    }

    /// Answers a request, whole or as events.
    private func complete(_ request: Request, isChat: Bool) async throws -> Response {
        var request = request
        // A page of another site can make a browser send a body without asking, but not one of this type.
        guard request.headers[.contentType]?.lowercased().hasPrefix("application/json") == true else {
            throw ServingFault(
                status: .unsupportedMediaType, message: "the body is JSON: send Content-Type: application/json",
                type: "invalid_request_error")
        }
        let body = try await request.collectBody(upTo: settings.bodyBytes)
        let completion = try CompletionRequest(Array(body.readableBytesView), isChat: isChat)
        let model = try self.model(completion.model)
        let requests = try model.requests(of: completion)
        let form = CompletionForm(
            isChat: isChat,
            identifier: (isChat ? "chatcmpl-" : "cmpl-") + String(UInt64.random(in: 0 ... .max), radix: 36),
            created: Int(Date().timeIntervalSince1970), model: model.name)
        if completion.streams {
            return .events(
                try await model.desk.answer(requests[0]), form: form, promptTokens: requests[0].prompt.count,
                includesUsage: completion.includesUsage)
        }
        let desk = model.desk
        // Where the visitor leaves, the answer ends.
        return try await request.body.consumeWithCancellationOnInboundClose { rest in
            // Read already; who watches the connection waits until it is read again.
            for try await _ in rest {}
            var streams: [AsyncThrowingStream<AnswerPiece, any Error>] = []
            for request in requests { streams.append(try await desk.answer(request)) }
            var answers: [CompletionAnswer] = []
            for stream in streams { answers.append(try await CompletionAnswer(stream)) }
            return .json(form.whole(answers, promptTokens: requests.reduce(0) { $0 + $1.prompt.count }))
        }
    }
}
