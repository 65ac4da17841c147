import Testing

/// Folders inside a module have no circles either: a newcomer reads a module from its lowest folder up.
///
/// A folder uses another where its code names a type that is declared at the top level of the other's files. The
/// module's own folder counts as one, under the name `.`.
@Suite struct FolderGraphTests {
    /// The edges between folders, each with one place as an example.
    typealias Edges = [String: [String: String]]

    @Test(arguments: ModuleGraphTests.allowed.keys.sorted()) func foldersHaveNoCircles(module: String) {
        let edges = Self.edges(between: SourceTree.module(module), of: module)
        for folder in edges.keys.sorted() {
            for (used, example) in (edges[folder] ?? [:]).sorted(by: { $0.key < $1.key })
            where Self.reaches(used, folder, by: edges) {
                Issue.record("\(module): \(folder) uses \(used) (\(example)), and \(used) uses \(folder)")
            }
        }
    }

    @Test func aCircleIsFound() {
        let files = [
            SourceTree.File(path: "Sources/M/A/One.swift", lines: ["package struct One { var two: Two }"]),
            SourceTree.File(path: "Sources/M/B/Two.swift", lines: ["struct Two {", "    // One in a comment", "}"]),
            SourceTree.File(path: "Sources/M/C/Three.swift", lines: ["enum Three { static let one = One.self }"]),
        ]
        let edges = Self.edges(between: files, of: "M")
        #expect(edges["A"]?.keys.sorted() == ["B"])
        #expect(edges["B"] == nil)
        #expect(edges["C"]?.keys.sorted() == ["A"])
        #expect(Self.reaches("A", "B", by: edges))
        #expect(!Self.reaches("B", "C", by: edges))
    }

    static func edges(between files: [SourceTree.File], of module: String) -> Edges {
        var folderOfType: [String: String] = [:]
        for file in files {
            for line in file.code {
                guard let name = declaredType(of: line) else { continue }
                folderOfType[name] = folder(of: file, in: module)
            }
        }
        var edges: Edges = [:]
        for file in files {
            let folder = folder(of: file, in: module)
            for (number, line) in file.code.enumerated() {
                for name in typesNamed(in: line) {
                    guard let used = folderOfType[name], used != folder else { continue }
                    if edges[folder]?[used] == nil {
                        edges[folder, default: [:]][used] = "\(name) in \(file.path):\(number + 1)"
                    }
                }
            }
        }
        return edges
    }

    /// Whether `folder` uses `goal`, at one remove or more.
    static func reaches(_ folder: String, _ goal: String, by edges: Edges) -> Bool {
        var reached: Set<String> = []
        var open = [folder]
        while let next = open.popLast() {
            guard reached.insert(next).inserted else { continue }
            open += (edges[next] ?? [:]).keys
        }
        return reached.contains(goal)
    }

    private static func folder(of file: SourceTree.File, in module: String) -> String {
        let parts = file.path.split(separator: "/").dropFirst(2).dropLast()
        return parts.isEmpty ? "." : parts.joined(separator: "/")
    }

    /// The type that a line declares at the top level, unless it is private to its file.
    private static func declaredType(of line: String) -> String? {
        guard line.first?.isWhitespace == false else { return nil }
        let words = line.split { !$0.isLetter && !$0.isNumber && $0 != "_" && $0 != "@" }
        guard let place = words.firstIndex(where: { kinds.contains($0) }), place + 1 < words.count,
            words[..<place].allSatisfy({ modifiers.contains($0) })
        else { return nil }
        return String(words[place + 1])
    }

    private static let kinds: Set<Substring> = ["struct", "class", "enum", "actor", "protocol", "typealias"]
    private static let modifiers: Set<Substring> = ["package", "public", "internal", "final", "indirect"]

    /// The words of a line that may name a type at the top level: `Frame`, but not the `Kind` of `Frame.Kind`.
    private static func typesNamed(in line: String) -> [String] {
        var names: [String] = []
        var word = ""
        var isMember = false
        var previous: Character = " "
        for character in line + " " {
            if character.isLetter || character.isNumber || character == "_" {
                if word.isEmpty { isMember = previous == "." }
                word.append(character)
            } else if !word.isEmpty {
                if !isMember, word.first?.isUppercase == true { names.append(word) }
                word = ""
            }
            previous = character
        }
        return names
    }
}
