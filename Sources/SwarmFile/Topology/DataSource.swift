import Storage

/// Where instructions come from: a built-in source, or files and folders.
package struct DataSource: Sendable, Hashable, CustomStringConvertible {
    /// The built-in source's name, or the paths in the order in which they are read; never empty.
    package let paths: [String]

    /// The source at `paths`, of which there is one at least.
    package init(_ paths: [String]) {
        precondition(!paths.isEmpty, "a source names something")
        self.paths = paths
    }

    /// Whether it is a built-in source.
    package var isBuiltIn: Bool { paths[0].hasPrefix("builtin:") }

    package var description: String { paths.joined(separator: ", ") }

    /// The source with every path changed by `change`.
    package func mapping(_ change: (String) throws -> String) rethrows -> DataSource {
        DataSource(try paths.map(change))
    }

    /// What the names of files of instructions end with; each may be packed with gzip, `.gz`.
    package static let endings = [".json", ".jsonl", ".csv", ".tsv"]

    /// Whether a file's name ends like that of a file of instructions.
    package static func isFile(_ name: String) -> Bool {
        let plain = name.hasSuffix(".gz") ? String(name.dropLast(3)) : name
        return endings.contains(where: plain.hasSuffix)
    }
}

extension DataSource: ExpressibleByStringLiteral {
    package init(stringLiteral path: String) { self.init([path]) }
}

extension ValueFormat where Value == DataSource {
    private static let words =
        "the path of a .json, .jsonl, .csv or .tsv file, each also .gz, a folder's path with / at "
        + "its end, or a list of these"

    /// A built-in source, a file, a folder, or a list of files and folders.
    static var source: ValueFormat {
        @Sendable func text(_ source: Value) -> String {
            source.paths.count == 1
                ? TopologyValue.quoted(source.paths[0])
                : "[\(source.paths.map(TopologyValue.quoted).joined(separator: ", "))]"
        }
        return ValueFormat(
            values: "\(known.joined(separator: ", ")) or \(words)", schema: ["$ref": "#/$defs/source"],
            argument: .word,
            read: { value in
                guard value.isList else { return DataSource([try path(value, isAlone: true)]) }
                let elements = try value.list()
                guard !elements.isEmpty, elements.count <= 10_000 else {
                    throw value.error("a list of 1 to 10000 files and folders is expected, not \(elements.count)")
                }
                var seen: Set<String> = []
                return DataSource(
                    try elements.map { element in
                        let path = try path(element, isAlone: false)
                        guard seen.insert(path).inserted else { throw element.error("\"\(path)\" is given twice") }
                        return path
                    })
            },
            write: text,
            json: { $0.paths.count == 1 ? .text($0.paths[0]) : .array($0.paths.map(JSONValue.text)) })
    }

    private static let known = ["builtin:chores"]

    private static func path(_ value: TopologyValue, isAlone: Bool) throws -> String {
        let text = try ValueFormat<String>.builtIn(value, known, orElse: words)
        guard !text.contains("://") else {
            throw value.error("\"\(text)\" is an address on a network; fetch the file and give its path")
        }
        guard isAlone || !text.hasPrefix("builtin:") else {
            throw value.error("\"\(text)\" is made, not read; it cannot be joined with files")
        }
        guard text.hasPrefix("builtin:") || text.hasSuffix("/") || DataSource.isFile(text) else {
            throw value.error("\"\(text)\" is not a source; builtin:chores or \(words) is allowed")
        }
        return text
    }
}
