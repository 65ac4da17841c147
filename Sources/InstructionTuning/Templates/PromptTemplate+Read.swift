import Storage

extension PromptTemplate {
    private static let sizeLimit = 1 << 20

    /// Reads a template file: a JSON object with `prompt_input`, `prompt_no_input` and, if wanted, `description` and
    /// `response_split`, as Alpaca-LoRA and Shepherd keep them. Ours are `response_end`, a text that ends every answer
    /// in place of the end token, and `special_tokens`, false for prompts that spell out all special tokens.
    package static func read(path: String) throws(PromptTemplateError) -> PromptTemplate {
        let bytes: [UInt8]
        do {
            bytes = try ReadableFile.contents(of: path, limit: sizeLimit)
        } catch {
            throw .file(error)
        }
        return try parse(bytes, path: path)
    }

    /// Reads `bytes` as if they were the template file at `path`.
    package static func parse(_ bytes: [UInt8], path: String) throws(PromptTemplateError) -> PromptTemplate {
        let content = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? Array(bytes.dropFirst(3)) : bytes
        let value: JSONValue
        do {
            value = try JSONValue.parse(content, depthLimit: 8)
        } catch {
            throw .badFile(path: path, reason: error.description)
        }
        guard let object = value.object else {
            throw .badFile(path: path, reason: "a template file holds an object, not \(value.kind)")
        }
        return try PromptTemplate(
            name: path, summary: try text("description", of: object, path: path) ?? "",
            withContext: try required("prompt_input", of: object, path: path),
            withoutContext: try required("prompt_no_input", of: object, path: path),
            responseMarker: try text("response_split", of: object, path: path) ?? "",
            responseEnd: try text("response_end", of: object, path: path) ?? "",
            addsSpecialTokens: try flag("special_tokens", of: object, path: path) ?? true)
    }

    private static func flag(
        _ field: String, of object: JSONObject, path: String
    ) throws(PromptTemplateError) -> Bool? {
        guard let value = object[field], !value.isNull else { return nil }
        guard let flag = value.bool else {
            throw .badField(path: path, field: field, reason: "is \(value.kind), not true or false")
        }
        return flag
    }

    private static func required(
        _ field: String, of object: JSONObject, path: String
    ) throws(PromptTemplateError) -> String {
        guard let text = try text(field, of: object, path: path) else {
            throw .badField(path: path, field: field, reason: "is missing")
        }
        return text
    }

    private static func text(
        _ field: String, of object: JSONObject, path: String
    ) throws(PromptTemplateError) -> String? {
        guard let value = object[field], !value.isNull else { return nil }
        guard let text = value.text else {
            throw .badField(path: path, field: field, reason: "is \(value.kind), not a string")
        }
        return text
    }
}
