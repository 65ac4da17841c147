import Storage

/// Which tokens begin and end a text, gathered from the files beside a tokenizer.
struct SequenceLandmarks: Sendable, Equatable {
    var begin: Int32?
    var end: Int32?

    /// Asks, in this order: `tokenizer_config.json` and `special_tokens_map.json` for spellings,
    /// `generation_config.json` and `config.json` for numbers, and at last the customary spellings.
    ///
    /// A file that is absent or no JSON object says nothing.
    static func find(in folder: String, token: (String) -> Int32?) -> SequenceLandmarks {
        var found = SequenceLandmarks()
        for name in ["tokenizer_config.json", "special_tokens_map.json"] {
            guard let document = document("\(folder)/\(name)") else { continue }
            func spelled(_ key: String) -> Int32? {
                (document[key]?.text ?? document[key]?["content"]?.text).flatMap(token)
            }
            found.begin = found.begin ?? spelled("bos_token")
            found.end = found.end ?? spelled("eos_token")
        }
        for name in ["generation_config.json", "config.json"] {
            guard let document = document("\(folder)/\(name)") else { continue }
            func numbered(_ key: String) -> Int32? {
                // Several ends of a text are a list; the first is the one that training appends.
                let value = document[key]?.array?.first ?? document[key]
                return value?.int.flatMap { Int32(exactly: $0) }.flatMap { $0 >= 0 ? $0 : nil }
            }
            found.begin = found.begin ?? numbered("bos_token_id")
            found.end = found.end ?? numbered("eos_token_id")
        }
        found.begin = found.begin ?? ["<s>", "<|begin_of_text|>", "<bos>"].lazy.compactMap(token).first
        found.end = found.end ?? ["</s>", "<|endoftext|>", "<|end_of_text|>", "<eos>"].lazy.compactMap(token).first
        return found
    }

    private static let limit = 16 << 20

    private static func document(_ path: String) -> JSONValue? {
        guard let bytes = try? ReadableFile.contents(of: path, limit: limit) else { return nil }
        return try? JSONValue.parse(bytes)
    }
}
