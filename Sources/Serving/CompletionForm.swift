import Hummingbird
import LanguageModel
import MurmurKit
import Storage

/// The bodies of answers, whole and in pieces, as OpenAI's API has them.
struct CompletionForm: Sendable {
    let isChat: Bool
    let identifier: String
    /// Seconds since 1970.
    let created: Int
    let model: String

    /// The whole answer.
    func whole(_ answers: [CompletionAnswer], promptTokens: Int) -> JSONValue {
        let choices = answers.enumerated().map { index, answer in
            choice(
                index, reason: answer.ending,
                content: isChat
                    ? ("message", .members([("role", .text("assistant")), ("content", .text(answer.text))]))
                    : ("text", .text(answer.text)))
        }
        return .members(
            head(isChat ? "chat.completion" : "text_completion") + [
                ("choices", .array(choices)),
                ("usage", usage(promptTokens, answers.reduce(0) { $0 + $1.tokens })),
            ])
    }

    /// A piece of an answer: its first names the role, its last the reason of the end.
    func piece(_ text: String?, isFirst: Bool = false, ending: GenerationEvent.Ending? = nil) -> JSONValue {
        var delta: [(String, JSONValue)] = isFirst ? [("role", .text("assistant"))] : []
        if let text { delta.append(("content", .text(text))) }
        let content: (String, JSONValue) = isChat ? ("delta", .members(delta)) : ("text", .text(text ?? ""))
        return .members(
            head(isChat ? "chat.completion.chunk" : "text_completion") + [
                ("choices", .array([choice(0, reason: ending, content: content)]))
            ])
    }

    /// What follows the last piece where the request wants to know what it cost.
    func usagePiece(promptTokens: Int, tokens: Int) -> JSONValue {
        .members(
            head(isChat ? "chat.completion.chunk" : "text_completion") + [
                ("choices", .array([])), ("usage", usage(promptTokens, tokens)),
            ])
    }

    private func head(_ object: String) -> [(String, JSONValue)] {
        [
            ("id", .text(identifier)), ("object", .text(object)), ("created", .integer(created)),
            ("model", .text(model)),
        ]
    }

    private func choice(
        _ index: Int, reason: GenerationEvent.Ending?, content: (String, JSONValue)
    ) -> JSONValue {
        let word: JSONValue =
            switch reason {
            case .stop: .text("stop")
            case .length: .text("length")
            case nil: .null
            }
        return .members([("index", .integer(index)), content, ("logprobs", .null), ("finish_reason", word)])
    }

    private func usage(_ prompt: Int, _ answer: Int) -> JSONValue {
        .members([
            ("prompt_tokens", .integer(prompt)), ("completion_tokens", .integer(answer)),
            ("total_tokens", .integer(prompt + answer)),
        ])
    }
}

/// One whole answer.
struct CompletionAnswer: Sendable {
    var text = ""
    var tokens = 0
    var ending = GenerationEvent.Ending.length

    /// Reads an answer to its end.
    init(_ pieces: AsyncThrowingStream<AnswerPiece, any Error>) async throws {
        for try await piece in pieces {
            switch piece {
            case .text(let more): text += more
            case .end(let ending, let tokens):
                self.ending = ending
                self.tokens = tokens
            }
        }
        // A stream whose reader was cancelled ends early and says nothing.
        try Task.checkCancellation()
    }
}

extension Response {
    /// An answer as server-sent events. A visitor who leaves makes a write fail, which ends the answer.
    static func events(
        _ pieces: AsyncThrowingStream<AnswerPiece, any Error>, form: CompletionForm, promptTokens: Int,
        includesUsage: Bool
    ) -> Response {
        @Sendable func event(_ value: JSONValue) -> ByteBuffer {
            ByteBuffer(bytes: Array("data: ".utf8) + value.encoded(indented: false) + Array("\n\n".utf8))
        }
        var headers = HTTPFields()
        headers[.contentType] = "text/event-stream"
        headers[.cacheControl] = "no-cache"
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                try await writer.write(event(form.piece(form.isChat ? "" : nil, isFirst: true)))
                do {
                    for try await piece in pieces {
                        switch piece {
                        case .text(let text): try await writer.write(event(form.piece(text)))
                        case .end(let ending, let tokens):
                            try await writer.write(event(form.piece(nil, ending: ending)))
                            if includesUsage {
                                try await writer.write(
                                    event(form.usagePiece(promptTokens: promptTokens, tokens: tokens)))
                            }
                        }
                    }
                } catch let fault as AnswerFault {
                    // The head is out: what is wrong can only be said in an event.
                    try await writer.write(event(ServingFault(fault).json))
                } catch let error as EngineError {
                    try await writer.write(event(ServingFault(error).json))
                }
                try await writer.write(ByteBuffer(string: "data: [DONE]\n\n"))
                try await writer.finish(nil)
            })
    }
}
