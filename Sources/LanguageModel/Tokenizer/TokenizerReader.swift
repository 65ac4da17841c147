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

    /// The added tokens.
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
