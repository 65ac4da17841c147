import Storage

extension TokenizerReader {
    private static let stepLimit = 8

    /// The elements of a Sequence of steps that rewrite text. They are few and not nested, which bounds what the steps
    /// can make of a text.
    private func steps(_ value: JSONValue, _ key: String, part: String) throws(TokenizerError) -> [JSONValue] {
        let elements = value[key]?.array ?? []
        guard elements.count <= Self.stepLimit else { throw unsupported(part, "Sequence of \(elements.count) steps") }
        guard elements.allSatisfy({ $0["type"]?.text != "Sequence" }) else {
            throw unsupported(part, "nested Sequence")
        }
        return elements
    }

    /// The normalizer; nil where there is none.
    func normalizer(_ value: JSONValue) throws(TokenizerError) -> TextNormalizer? {
        if value.isNull { return nil }
        let type = try type(value, "normalizer")
        switch type {
        case "Prepend": return .prepend(try text(value, "prepend"))
        case "Replace":
            let (pattern, content) = try replacement(value, part: "normalizer")
            return .replace(pattern, by: content)
        case "NFC": return .composed
        case "NFKC": return .compatibilityComposed
        case "Sequence":
            var steps: [TextNormalizer] = []
            for element in try self.steps(value, "normalizers", part: "normalizer") {
                if let step = try normalizer(element) { steps.append(step) }
            }
            return .sequence(steps)
        default: throw unsupported("normalizer", type)
        }
    }

    /// The pre-tokenizer; nil where there is none.
    func preTokenizer(_ value: JSONValue) throws(TokenizerError) -> PreTokenizer? {
        if value.isNull { return nil }
        let type = try type(value, "pre-tokenizer")
        switch type {
        case "ByteLevel":
            return .byteLevel(
                prefixesSpace: value["add_prefix_space"]?.bool ?? true, splits: value["use_regex"]?.bool ?? true)
        case "Digits": return .digits(individual: value["individual_digits"]?.bool ?? false)
        case "Split": return try split(value)
        case "Metaspace":
            let (replacement, prefix) = try metaspace(value)
            return .metaspace(replacement: replacement, prefix: prefix, splits: value["split"]?.bool ?? true)
        case "Sequence":
            var steps: [PreTokenizer] = []
            for element in value["pretokenizers"]?.array ?? [] {
                if let step = try preTokenizer(element) { steps.append(step) }
            }
            return .sequence(steps)
        default: throw unsupported("pre-tokenizer", type)
        }
    }

    private func split(_ value: JSONValue) throws(TokenizerError) -> PreTokenizer {
        guard let expression = value["pattern"]?["Regex"]?.text else {
            throw unsupported("pre-tokenizer", "Split by a fixed string")
        }
        guard let pattern = SplitPattern(expression: expression) else {
            throw unsupported("split expression", expression)
        }
        // Every known expression covers all text, so that keeping the matches and keeping all is the same.
        let behavior = value["behavior"]?.text ?? "Isolated"
        let isInverted = value["invert"]?.bool ?? false
        guard (behavior, isInverted) == ("Isolated", false) || (behavior, isInverted) == ("Removed", true) else {
            throw unsupported("split behaviour", "\(behavior)\(isInverted ? ", inverted" : "")")
        }
        return .split(pattern)
    }

    private func metaspace(
        _ value: JSONValue
    ) throws(TokenizerError) -> (replacement: [UInt8], PreTokenizer.MetaspacePrefix) {
        let replacement = try text(value, "replacement")
        guard !replacement.isEmpty else { throw invalid("the replacement of a metaspace is empty") }
        switch value["prepend_scheme"]?.text {
        case "always": return (replacement, .always)
        case "first": return (replacement, .first)
        case "never": return (replacement, .never)
        case nil: return (replacement, value["add_prefix_space"]?.bool ?? true ? .always : .never)
        case let scheme?: throw unsupported("prepend_scheme", scheme)
        }
    }

    /// The decoder; nil where there is none.
    func decoder(_ value: JSONValue) throws(TokenizerError) -> TokenDecoder? {
        if value.isNull { return nil }
        let type = try type(value, "decoder")
        switch type {
        case "ByteLevel": return .byteLevel
        case "ByteFallback": return .byteFallback
        case "Fuse": return .fuse
        case "Replace":
            let (pattern, content) = try replacement(value, part: "decoder")
            return .replace(pattern, by: content)
        case "Strip":
            let limit = 0...1_000_000
            guard let start = value["start"]?.int, let stop = value["stop"]?.int, limit.contains(start),
                limit.contains(stop)
            else { throw invalid("a Strip decoder has no sensible start and stop") }
            return .strip(try text(value, "content"), start: start, stop: stop)
        case "Metaspace":
            let (replacement, prefix) = try metaspace(value)
            return .metaspace(replacement: replacement, isPrefixed: prefix != .never)
        case "Sequence":
            var steps: [TokenDecoder] = []
            for element in try self.steps(value, "decoders", part: "decoder") {
                if let step = try decoder(element) { steps.append(step) }
            }
            return .sequence(steps)
        default: throw unsupported("decoder", type)
        }
    }

    private func replacement(
        _ value: JSONValue, part: String
    ) throws(TokenizerError) -> (pattern: [UInt8], content: [UInt8]) {
        guard let pattern = value["pattern"]?["String"]?.bytes else {
            throw unsupported(part, "Replace by a regular expression")
        }
        guard !pattern.isEmpty else { throw invalid("a Replace \(part) has an empty pattern") }
        let content = try text(value, "content")
        // A few steps that each make text many times longer would fill any memory; real ones swap a character.
        guard content.count <= 4 * pattern.count else {
            throw unsupported(part, "Replace by a text more than four times as long")
        }
        return (pattern, content)
    }
}
