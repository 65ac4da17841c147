import Storage

/// Turns the parts of a `tokenizer.json` into values, and refuses by name what is not supported.
struct TokenizerReader {
    /// The file's name, for errors.
    let file: String

    /// An error about the file's content.
    func invalid(_ reason: String) -> TokenizerError { .invalid(file: file, reason: reason) }

    /// The refusal of `name`, which is a `part`.
    func unsupported(_ part: String, _ name: String) -> TokenizerError {
        .unsupported(file: file, part: part, name: String(name.prefix(300)))
    }

    /// The document, which must be an object.
    func document(_ bytes: [UInt8]) throws(TokenizerError) -> JSONValue {
        let document: JSONValue
        do throws(JSONError) {
            document = try JSONValue.parse(bytes)
        } catch {
            throw invalid("\(error)")
        }
        guard document.object != nil else { throw invalid("it is \(document.kind), not an object") }
        return document
    }

    /// The `type` of a part.
    func type(_ value: JSONValue, _ part: String) throws(TokenizerError) -> String {
        guard let type = value["type"]?.text else { throw invalid("a \(part) has no type") }
        return type
    }

    /// The text member `key` of a part.
    func text(_ value: JSONValue, _ key: String) throws(TokenizerError) -> [UInt8] {
        guard let text = value[key]?.bytes else { throw invalid("\(key) is missing or no string") }
        return text
    }

    /// The number of a token.
    func identifier(_ value: JSONValue?) throws(TokenizerError) -> Int32 {
        guard let number = value?.int, let identifier = Int32(exactly: number), identifier >= 0 else {
            throw invalid("the number of a token is not a whole number from zero")
        }
        return identifier
    }

    func addedTokens(_ value: JSONValue) throws(TokenizerError) -> [AddedToken] {
        if value.isNull { return [] }
        guard let elements = value.array else { throw invalid("added_tokens is \(value.kind), not an array") }
        var tokens: [AddedToken] = []
        for element in elements {
            let content = try text(element, "content")
            guard !content.isEmpty else { throw invalid("an added token is empty") }
            if element["single_word"]?.bool == true {
                throw unsupported("setting single_word of added token", String(decoding: content, as: UTF8.self))
            }
            let isSpecial = element["special"]?.bool ?? false
            tokens.append(
                AddedToken(
                    identifier: try identifier(element["id"]), content: content,
                    stripsLeft: element["lstrip"]?.bool ?? false, stripsRight: element["rstrip"]?.bool ?? false,
                    isNormalized: element["normalized"]?.bool ?? !isSpecial, isSpecial: isSpecial))
        }
        return tokens
    }

    /// The tokens before and behind a single text.
    func template(_ value: JSONValue) throws(TokenizerError) -> (prefix: [Int32], suffix: [Int32]) {
        if value.isNull { return ([], []) }
        let type = try type(value, "post-processor")
        switch type {
        case "ByteLevel": return ([], [])
        case "Sequence":
            var prefix: [Int32] = []
            var suffix: [Int32] = []
            for processor in value["processors"]?.array ?? [] {
                let inner = try template(processor)
                // The last of the processors puts its tokens outermost.
                prefix = inner.prefix + prefix
                suffix += inner.suffix
            }
            return (prefix, suffix)
        case "TemplateProcessing": return try singleTemplate(value)
        default: throw unsupported("post-processor", type)
        }
    }

    private func singleTemplate(_ value: JSONValue) throws(TokenizerError) -> (prefix: [Int32], suffix: [Int32]) {
        guard let pieces = value["single"]?.array else { throw invalid("a template has no single form") }
        var sides: [[Int32]] = [[]]
        for piece in pieces {
            if let sequence = piece["Sequence"] {
                // A is the text; B would be the second of a pair.
                guard sequence["id"]?.text == "A" else { throw invalid("a single template names a second text") }
                sides.append([])
                continue
            }
            guard let name = piece["SpecialToken"]?["id"]?.text,
                let identifiers = value["special_tokens"]?[name]?["ids"]?.array
            else { throw invalid("a template names a special token that it does not define") }
            for identifier in identifiers { sides[sides.count - 1].append(try self.identifier(identifier)) }
        }
        guard sides.count == 2 else { throw invalid("a single template does not hold the text once") }
        return (sides[0], sides[1])
    }
}

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

/// Why a tokenizer is refused.
package enum TokenizerError: Error, Equatable, CustomStringConvertible {
    /// The folder holds no tokenizer.
    case notFound(folder: String)
    /// The file is not a tokenizer of the kind it says.
    case invalid(file: String, reason: String)
    /// The tokenizer has a part that this project does not have.
    case unsupported(file: String, part: String, name: String)

    package var description: String {
        switch self {
        case .notFound(let folder):
            "\(folder): neither tokenizer.json nor vocab.json with merges.txt is there; copy them from the model's folder"
        case .invalid(let file, let reason): "\(file): \(reason)"
        case .unsupported(let file, let part, let name):
            "\(file): the \(part) \(name) is not supported; byte-level BPE and SentencePiece BPE tokenizers are"
        }
    }
}
