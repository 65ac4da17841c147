import Storage

/// What an endpoint in the form of OpenAI's API answers to a chat request.
package struct JudgeReply: Sendable, Hashable {
    /// What the judge wrote; empty where it wrote nothing.
    package var content: String
    /// Why it ended: `stop`, `length` or another word of the endpoint's.
    package var finish: String
    /// The model that answered, as the endpoint calls it.
    package var model: String
    /// What the endpoint counted; nil where it did not.
    package var tokensIn: Int?
    package var tokensOut: Int?

    package init(content: String, finish: String, model: String, tokensIn: Int? = nil, tokensOut: Int? = nil) {
        self.content = content
        self.finish = finish
        self.model = model
        self.tokensIn = tokensIn
        self.tokensOut = tokensOut
    }

    /// Reads a response's body; nil where it is none of that form.
    package init?(body: [UInt8]) {
        guard let json = try? JSONValue.parse(body), let choice = json["choices"]?.array?.first,
            let message = choice["message"], message.object != nil
        else { return nil }
        func count(_ name: String) -> Int? {
            json["usage"]?[name]?.int.flatMap { (0...1_000_000_000).contains($0) ? $0 : nil }
        }
        self.init(
            content: message["content"]?.text ?? "", finish: choice["finish_reason"]?.text ?? "",
            model: json["model"]?.text ?? "", tokensIn: count("prompt_tokens"), tokensOut: count("completion_tokens"))
    }

    /// The message of a body that says why a request is refused, `{"error":{"message"}}`, in one short line; empty where
    /// there is none. `{"detail"}` is FastAPI's: a text, or a list of what is wrong.
    package static func complaint(in body: [UInt8]) -> String {
        guard let json = try? JSONValue.parse(body) else { return "" }
        let error = json["error"]
        let detail = json["detail"].map { $0.text ?? String(decoding: $0.encoded(), as: UTF8.self) }
        let text = error?["message"]?.text ?? error?.text ?? json["message"]?.text ?? detail ?? ""
        let printable = text.unicodeScalars.prefix(300).map {
            $0.value < 0x20 || $0.value == 0x7f ? " " : Character($0)
        }
        return String(printable)
    }
}
