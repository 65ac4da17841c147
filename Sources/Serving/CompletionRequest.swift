import InstructionTuning
import MurmurKit
import Storage

/// What a visitor asks for: a body of `/v1/chat/completions` or `/v1/completions`. Members that are not known are passed
/// over, as OpenAI's own endpoint grows new ones; those that would change the answer and are not there are refused.
struct CompletionRequest: Sendable {
    /// What is to be answered.
    enum Subject: Sendable {
        case conversation([ChatTurn])
        /// Texts that are continued, each an answer of its own.
        case texts([String])
        case tokens([Int32])
    }

    let model: String?
    let subject: Subject
    let streams: Bool
    let includesUsage: Bool
    /// The most tokens of an answer; nil for the usual number.
    let maximumTokens: Int?
    let sampling: SamplingChoices
    let stops: [String]
    /// How many answers to each prompt.
    let copies: Int
    /// The prompt template by name; nil for the model's own. Not in OpenAI's API, as `input` and `top_k`.
    let template: String?
    /// The context that the instruction speaks about.
    let input: String

    private static let stopLimit = 4
    private static let copyLimit = 16

    /// Reads a body. Throws `ServingFault`.
    init(_ bytes: [UInt8], isChat: Bool) throws(ServingFault) {
        let body: JSONValue
        do {
            body = try JSONValue.parse(bytes)
        } catch {
            throw .invalid("\(error)")
        }
        guard body.object != nil else { throw .invalid("the body is not a JSON object") }
        let reader = BodyReader(body: body)
        try reader.refuse(["response_format"] + (isChat ? ["tools", "functions", "audio"] : ["suffix", "echo"]))
        model = try reader.text("model")
        template = try reader.text("template")
        input = try reader.text("input") ?? ""
        streams = try reader.flag("stream")
        includesUsage = body["stream_options"]?["include_usage"]?.bool ?? false
        let older = try reader.integer("max_tokens", 1...1_000_000)
        maximumTokens = try reader.integer("max_completion_tokens", 1...1_000_000) ?? older
        copies = try reader.integer("n", 1...Self.copyLimit) ?? 1
        stops = try Self.stops(body)
        let seed = try reader.integer("seed", Int.min...Int.max).map { UInt64(bitPattern: Int64($0)) }
        sampling = SamplingChoices(
            maximumTokens: 0, temperature: try reader.number("temperature", 0...100) ?? 1,
            topK: try reader.integer("top_k", 0...1_000_000) ?? 0,
            topP: max(try reader.number("top_p", 0...1) ?? 1, 1e-9),
            beams: try reader.integer("num_beams", 1...32) ?? 1,
            seed: seed ?? .random(in: 0 ... .max))
        if let penalty = try reader.number("frequency_penalty", -2...2), penalty != 0 {
            throw .invalid("frequency_penalty is not there: leave it out", "frequency_penalty")
        }
        if let penalty = try reader.number("presence_penalty", -2...2), penalty != 0 {
            throw .invalid("presence_penalty is not there: leave it out", "presence_penalty")
        }
        subject = isChat ? .conversation(try Self.turns(body)) : try Self.prompt(body)
        if streams, copies > 1 || subject.count > 1 {
            throw .invalid("a stream carries one answer: ask for one prompt and n = 1", "stream")
        }
    }

    private static func stops(_ body: JSONValue) throws(ServingFault) -> [String] {
        guard let value = body["stop"], !value.isNull else { return [] }
        let texts = (value.array ?? [value]).map(\.text)
        let found = texts.compactMap { $0 }
        guard found.count == texts.count, found.count <= stopLimit,
            found.allSatisfy({ (1...256).contains($0.utf8.count) })
        else { throw .invalid("stop is a string, or a list of \(stopLimit) at most, of 256 bytes each", "stop") }
        return found
    }

    private static func turns(_ body: JSONValue) throws(ServingFault) -> [ChatTurn] {
        guard let messages = body["messages"]?.array, !messages.isEmpty else {
            throw .invalid("messages is missing, or empty", "messages")
        }
        var turns: [ChatTurn] = []
        for (index, message) in messages.enumerated() {
            let role: ChatTurn.Role
            switch message["role"]?.text {
            case "system", "developer": role = .system
            case "user": role = .user
            case "assistant": role = .assistant
            default: throw .invalid("messages[\(index)]: the role is system, user or assistant", "messages")
            }
            turns.append(ChatTurn(role: role, content: try content(message["content"], index)))
        }
        guard turns.last?.role == .user else { throw .invalid("the last message is the user's", "messages") }
        return turns
    }

    /// A text, or a list of parts that are texts.
    private static func content(_ value: JSONValue?, _ index: Int) throws(ServingFault) -> String {
        if let text = value?.text { return text }
        let parts = (value?.array ?? []).map { $0["type"]?.text == "text" ? $0["text"]?.text : nil }
        guard !parts.isEmpty, parts.allSatisfy({ $0 != nil }) else {
            throw .invalid("messages[\(index)]: content is a text, or a list of texts", "messages")
        }
        return parts.compactMap { $0 }.joined()
    }

    private static func prompt(_ body: JSONValue) throws(ServingFault) -> Subject {
        let value = body["prompt"]
        if let text = value?.text { return .texts([text]) }
        let list = value?.array ?? []
        let texts = list.compactMap(\.text)
        if !list.isEmpty, texts.count == list.count, texts.count <= copyLimit { return .texts(texts) }
        let tokens = list.compactMap { $0.int.flatMap(Int32.init(exactly:)) }
        if !list.isEmpty, tokens.count == list.count { return .tokens(tokens) }
        throw .invalid("prompt is a text, a list of \(copyLimit) texts at most, or a list of tokens", "prompt")
    }
}

extension CompletionRequest.Subject {
    /// How many prompts there are.
    var count: Int { if case .texts(let texts) = self { texts.count } else { 1 } }
}

/// Reads members of a body that may be missing or null.
private struct BodyReader {
    let body: JSONValue

    private func value(_ name: String) -> JSONValue? { body[name].flatMap { $0.isNull ? nil : $0 } }

    /// Refuses members that are there and mean something.
    func refuse(_ names: [String]) throws(ServingFault) {
        for name in names + ["logprobs", "logit_bias", "best_of"] {
            guard let value = value(name), value.bool != false, value.array?.isEmpty != true else { continue }
            if value["type"]?.text == "text" || value.int == 1 && name == "best_of" { continue }
            if name == "logit_bias", value.object?.keys.isEmpty == true { continue }
            throw .invalid("\(name) is not there: leave it out", name)
        }
    }

    func text(_ name: String) throws(ServingFault) -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.text else { throw .invalid("\(name) is not a text", name) }
        return text
    }

    func flag(_ name: String) throws(ServingFault) -> Bool {
        guard let value = value(name) else { return false }
        guard let flag = value.bool else { throw .invalid("\(name) is neither true nor false", name) }
        return flag
    }

    func integer(_ name: String, _ range: ClosedRange<Int>) throws(ServingFault) -> Int? {
        guard let value = value(name) else { return nil }
        guard let number = value.int, range.contains(number) else {
            throw .invalid("\(name) is a whole number from \(range.lowerBound) to \(range.upperBound)", name)
        }
        return number
    }

    func number(_ name: String, _ range: ClosedRange<Double>) throws(ServingFault) -> Double? {
        guard let value = value(name) else { return nil }
        guard let number = value.double ?? value.int.map(Double.init), range.contains(number) else {
            throw .invalid("\(name) is a number from \(range.lowerBound) to \(range.upperBound)", name)
        }
        return number
    }
}
