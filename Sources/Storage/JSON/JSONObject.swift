/// The members of a JSON object in the order of the document, with unique keys.
package struct JSONObject: Sendable, Equatable {
    /// The keys' UTF-8 bytes, in order.
    package private(set) var keys: [[UInt8]] = []
    /// The values, in the order of the keys.
    package private(set) var values: [JSONValue] = []
    // Only objects with more than `linearLimit` members have an index: most are small, and a vocabulary is not.
    private var index: [[UInt8]: Int] = [:]

    private static let linearLimit = 8

    /// An object without members.
    package init() {}

    /// An object of the given members, whose keys must differ.
    package init(_ members: [(String, JSONValue)]) {
        for (key, value) in members {
            let isNew = append(key: Array(key.utf8), value: value)
            precondition(isNew, "the keys of an object differ")
        }
    }

    /// The number of members.
    package var count: Int { keys.count }

    /// The value of the member with these key bytes.
    package subscript(bytes key: [UInt8]) -> JSONValue? {
        position(of: key).map { values[$0] }
    }

    /// The value of the member called `key`.
    package subscript(key: String) -> JSONValue? { self[bytes: Array(key.utf8)] }

    /// Adds a member at the end; false, and no change, when the key is taken.
    package mutating func append(key: [UInt8], value: JSONValue) -> Bool {
        guard position(of: key) == nil else { return false }
        if keys.count >= Self.linearLimit {
            if index.isEmpty {
                for (position, known) in keys.enumerated() { index[known] = position }
            }
            index[key] = keys.count
        }
        keys.append(key)
        values.append(value)
        return true
    }

    private func position(of key: [UInt8]) -> Int? {
        keys.count <= Self.linearLimit ? keys.firstIndex(of: key) : index[key]
    }

    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.keys == right.keys && left.values == right.values
    }
}
