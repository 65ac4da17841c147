package import Storage

/// The form in which a judge gives its verdict.
package enum VerdictForm: String, Sendable, Hashable, CaseIterable {
    /// A last line, `Scores: X Y`, after as many words as the judge likes.
    case line
    /// A JSON object and nothing else, which the endpoint holds the judge to by OpenAI's structured outputs.
    case json
    /// The same object, held to by what came before structured outputs: `json_object` with the schema beside it, as
    /// llama.cpp and those who followed it have it.
    case jsonObject = "json-object"

    /// What a request says as `response_format`; nil where it says nothing.
    package var responseFormat: JSONValue? {
        func object(_ members: [(String, JSONValue)]) -> JSONValue { .object(JSONObject(members)) }
        return switch self {
        case .line: nil
        case .json:
            object([
                ("type", .text("json_schema")),
                (
                    "json_schema",
                    object([("name", .text("verdict")), ("strict", .bool(true)), ("schema", Self.schema(nil))])
                ),
            ])
        case .jsonObject: object([("type", .text("json_object")), ("schema", Self.schema(Self.reasonLimit))])
        }
    }

    /// What to do where an endpoint refuses `response_format`.
    package var wayOut: String? {
        switch self {
        case .line: nil
        case .json: "--verdicts json-object asks in the older way, --verdicts line asks for no object"
        case .jsonObject: "--verdicts json asks in OpenAI's way, --verdicts line asks for no object"
        }
    }

    /// The most characters of a reason, where the schema may say so: enough for two sentences, and few enough that a
    /// judge that does not find an end still comes to its scores.
    private static let reasonLimit = 400

    /// The schema of the object. The reason comes first, so that the scores follow from it. Scores are listed one by one:
    /// some endpoints refuse `minimum` and `maximum`, others pass over them, and all know `enum`. OpenAI's strict form
    /// has no `maxLength`.
    private static func schema(_ reasonLimit: Int?) -> JSONValue {
        func object(_ members: [(String, JSONValue)]) -> JSONValue { .object(JSONObject(members)) }
        let limit = reasonLimit.map { [("maxLength", JSONValue.integer($0))] } ?? []
        let score = object([("type", .text("integer")), ("enum", .array((1...10).map { .integer($0) }))])
        return object([
            ("type", .text("object")),
            (
                "properties",
                object([("reason", object([("type", .text("string"))] + limit)), ("first", score), ("second", score)])
            ),
            ("required", .array(["reason", "first", "second"].map { .text($0) })),
            ("additionalProperties", .bool(false)),
        ])
    }
}
