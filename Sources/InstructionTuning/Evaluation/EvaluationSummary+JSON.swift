package import Storage

extension EvaluationSummary {
    /// `{"records","tokens","loss","perplexity","rouge_l","exact_match","categories":{name:{…}}}`, always in this order.
    /// Numbers that are missing or not finite are null; a category has no `categories`.
    package var json: JSONValue {
        var members = flatMembers
        members.append(
            (
                "categories",
                .object(JSONObject(categories.map { ($0.name, .object(JSONObject($0.summary.flatMembers))) }))
            ))
        return .object(JSONObject(members))
    }

    private var flatMembers: [(String, JSONValue)] {
        func number(_ value: Double?) -> JSONValue { value.map { $0.isFinite ? .number($0) : .null } ?? .null }
        return [
            ("records", .integer(records)), ("tokens", .integer(tokens)), ("loss", number(loss)),
            ("perplexity", number(perplexity)), ("rouge_l", number(rougeL)), ("exact_match", number(exactMatch)),
        ]
    }

    /// Reads what `json` wrote; nil for anything else. Perplexity follows from the loss.
    package init?(json value: JSONValue) {
        guard let object = value.object, let records = object["records"]?.int, let tokens = object["tokens"]?.int,
            let loss = object["loss"]
        else { return nil }
        self.init(
            records: records, tokens: tokens, loss: loss.double ?? .nan, rougeL: object["rouge_l"]?.double,
            exactMatch: object["exact_match"]?.double)
        guard let categories = object["categories"]?.object else { return }
        for (key, value) in zip(categories.keys, categories.values) {
            guard let summary = EvaluationSummary(json: value) else { return nil }
            self.categories.append(Category(name: String(decoding: key, as: UTF8.self), summary: summary))
        }
    }
}
