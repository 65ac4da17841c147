import Storage

extension JudgeVerdict {
    /// Reads the verdict of a reply in the form that the judge was asked for.
    package init(reply: String, form: VerdictForm) throws(Fault) {
        switch form {
        case .line: try self.init(reply: reply)
        case .json, .jsonObject: try self.init(json: reply)
        }
    }

    /// Reads a reply that is one JSON object and nothing else, white space around it aside: a text `reason` and two
    /// numbers, `first` and `second`, with no other member. Numbers are those of the line: from 1 to 10, with two decimals
    /// at most. Nothing else is taken for one: no text of digits, no truth value.
    private init(json reply: String) throws(Fault) {
        let bytes = Array(reply.utf8.prefix(Self.limit))
        guard let start = bytes.first(where: { !Self.isSpace($0) }) else { throw .empty }
        guard start == UInt8(ascii: "{") else { throw .object }
        let members = try Self.members(bytes)
        guard members.count == 3, members["reason"]?.bytes != nil, let first = members["first"]?.double,
            let second = members["second"]?.double
        else { throw .members }
        guard (1...10).contains(first), (1...10).contains(second) else { throw .range }
        guard [first, second].allSatisfy({ ($0 * 100).rounded() / 100 == $0 }) else { throw .members }
        self.init(first: first, second: second)
    }

    /// The members of the object that the bytes begin as.
    private static func members(_ bytes: [UInt8]) throws(Fault) -> JSONObject {
        let value: JSONValue
        do {
            value = try JSONValue.parse(bytes)
        } catch {
            switch error {
            case .duplicateKey, .tooDeep: throw .members
            case .numberOutOfRange: throw .range
            default: throw .object
            }
        }
        guard let members = value.object else { throw .object }
        return members
    }
}
