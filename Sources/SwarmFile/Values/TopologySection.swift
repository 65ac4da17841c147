import Yams

/// A mapping of a topology or fault file whose keys are all known.
package struct TopologySection {
    /// The section itself, for errors about it.
    package let place: TopologyValue
    private let values: [String: TopologyValue]

    /// Reads the keys of `place`; a key that is not in `keys` is refused with the nearest known one.
    init(_ place: TopologyValue, keys: [String]) throws {
        guard case .mapping(let mapping) = place.node else {
            throw place.error("a section of keys is expected (\(keys.joined(separator: ", "))), not \(place.kindName)")
        }
        var values: [String: TopologyValue] = [:]
        for (key, node) in mapping {
            let line = key.mark?.line ?? place.line
            guard case .scalar(let scalar) = key else {
                throw TopologyError(file: place.file, line: line, problem: "a key is a plain word")
            }
            let name = scalar.string
            let path = place.path.isEmpty ? name : "\(place.path).\(name)"
            let value = TopologyValue(node: node, path: path, file: place.file, line: node.mark?.line ?? line)
            guard keys.contains(name) else {
                let hint = NearestName.of(name, among: keys).map { " (did you mean \"\($0)\"?)" } ?? ""
                throw TopologyError(
                    file: place.file, line: line, key: path,
                    problem: "the key is unknown\(hint); allowed here: \(keys.joined(separator: ", "))")
            }
            values[name] = value
        }
        self.place = place
        self.values = values
    }

    /// The value of `key`, nil where the file does not have it.
    package subscript(_ key: String) -> TopologyValue? { values[key] }

    /// The value of `key`, which has to be there.
    package func required(_ key: String) throws -> TopologyValue {
        guard let value = values[key] else {
            let path = place.path.isEmpty ? key : "\(place.path).\(key)"
            throw TopologyError(file: place.file, line: place.line, key: path, problem: "the key is missing")
        }
        return value
    }
}
