import Yams

/// One value of a topology file, or of a fault file, with its place, and the readings of it that the file's keys need.
///
/// Every reading either gives a checked value or throws a `TopologyError` that names file, line and key.
package struct TopologyValue {
    /// The value as the YAML parser gives it.
    let node: Node
    /// The key with its section, `tuning.batch`, `peers[2].address`; empty for the whole file.
    package let path: String
    /// The file's name, for messages.
    package let file: String
    /// The line of the value or of its key; 0 on a command line.
    package let line: Int

    /// An error at this value.
    package func error(_ problem: String) -> TopologyError {
        TopologyError(file: file, line: line > 0 ? line : nil, key: path.isEmpty ? nil : path, problem: problem)
    }

    /// The text of a scalar that is not empty.
    package func text() throws -> String {
        guard case .scalar(let scalar) = node else { throw error("a single value is expected, not \(kindName)") }
        guard !scalar.string.isEmpty else { throw error("there is no value") }
        return scalar.string
    }

    /// A name. Names go into file names, so only letters, digits and a few signs are allowed.
    package func name() throws -> String {
        let text = try text()
        let allowed = text.utf8.allSatisfy { byte in
            switch byte {
            case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
            default: false
            }
        }
        guard allowed, text.utf8.count <= 64, text.utf8.first != UInt8(ascii: ".") else {
            throw error(
                "\"\(text.prefix(80))\" is not a name; up to 64 letters a to z, digits, - _ . are allowed, no dot first"
            )
        }
        return text
    }

    /// A whole number within `range`.
    package func integer(in range: ClosedRange<Int>) throws -> Int {
        let text = try text()
        guard let value = Int(text) else {
            throw error("\"\(text)\" is not a whole number; \(range.lowerBound) to \(range.upperBound) is allowed")
        }
        guard range.contains(value) else {
            throw error("\(value) is out of range; \(range.lowerBound) to \(range.upperBound) is allowed")
        }
        return value
    }

    /// A whole number of 64 bits without sign.
    package func seed() throws -> UInt64 {
        let text = try text()
        guard let value = UInt64(text) else {
            throw error("\"\(text)\" is not a seed; a whole number from 0 to \(UInt64.max) is allowed")
        }
        return value
    }

    /// A finite number for which `allowed` holds; `range` says in words what that is.
    package func number(_ range: String, where allowed: (Double) -> Bool) throws -> Double {
        let text = try text()
        guard let value = Double(text), value.isFinite else { throw error("\"\(text)\" is not a number; \(range)") }
        guard allowed(value) else { throw error("\(text) is out of range; \(range)") }
        return value
    }

    /// `true` or `false`.
    package func flag() throws -> Bool {
        switch try text() {
        case "true": return true
        case "false": return false
        case let other: throw error("\"\(other)\" is neither true nor false")
        }
    }

    /// One of the cases of `Choice`; `planned` names values that the format knows and this version does not support.
    package func choice<Choice: CaseIterable & RawRepresentable>(
        _: Choice.Type, planned: [String] = []
    ) throws -> Choice
    where Choice.RawValue == String {
        let text = try text()
        if let choice = Choice(rawValue: text) { return choice }
        let supported = Choice.allCases.map(\.rawValue)
        let list = supported.joined(separator: ", ")
        if planned.contains(text) {
            throw error("\"\(text)\" is not supported by this version; supported: \(list)")
        }
        let hint = NearestName.of(text, among: supported).map { " (did you mean \"\($0)\"?)" } ?? ""
        throw error("\"\(text)\" is unknown\(hint); allowed: \(list)")
    }

    /// The elements of a list.
    package func list() throws -> [TopologyValue] {
        guard case .sequence(let sequence) = node else { throw error("a list is expected, not \(kindName)") }
        return sequence.enumerated().map { index, element in
            TopologyValue(node: element, path: "\(path)[\(index)]", file: file, line: element.mark?.line ?? line)
        }
    }

    /// The keys below this one, every one of which is in `keys`.
    package func section(keys: [String]) throws -> TopologySection {
        try TopologySection(self, keys: keys)
    }

    /// The keys below this one and their values, whatever the keys are, in their order.
    func entries() throws -> [(String, TopologyValue)] {
        guard case .mapping(let mapping) = node else { throw error("keys with values are expected, not \(kindName)") }
        return try mapping.map { key, node in
            guard case .scalar(let scalar) = key else { throw error("a key is a plain word") }
            let line = node.mark?.line ?? key.mark?.line ?? line
            return (scalar.string, TopologyValue(node: node, path: "\(path).\(scalar.string)", file: file, line: line))
        }
    }

    /// Whether the value is a list.
    package var isList: Bool {
        if case .sequence = node { true } else { false }
    }

    /// Whether the value is a single one, neither a list nor a section.
    package var isSingle: Bool {
        if case .scalar = node { true } else { false }
    }

    /// What the value is, in words, for messages.
    package var kindName: String {
        switch node {
        case .scalar: "a single value"
        case .mapping: "a section of keys"
        case .sequence: "a list"
        case .alias: "an alias"
        }
    }
}
