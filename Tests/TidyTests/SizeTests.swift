import Testing

/// Small rooms: files of 600 lines at most, functions below 70.
@Suite struct SizeTests {
    @Test func filesAreShort() {
        for file in SourceTree.files(in: ["Sources", "Tests"], extensions: ["swift", "c", "h"]) {
            #expect(file.lines.count <= 601, "\(file.path) has \(file.lines.count) lines; split it")
        }
    }

    @Test func functionsAreShort() {
        for file in SourceTree.files(in: ["Sources", "Tests"], extensions: ["swift"]) {
            for function in Self.functions(of: file) where function.length > 70 {
                Issue.record("\(file.path):\(function.line): a function of \(function.length) lines; split it")
            }
        }
    }

    /// Where each function or initialiser begins, and how many lines it has, by matching braces.
    static func functions(of file: SourceTree.File) -> [(line: Int, length: Int)] {
        var result: [(line: Int, length: Int)] = []
        var open: [(line: Int, depth: Int)] = []
        var pending: Int?
        var depth = 0
        for (index, line) in file.code.enumerated() {
            if declaresFunction(line) { pending = index }
            for character in line {
                if character == "{" {
                    if let start = pending {
                        open.append((start, depth))
                        pending = nil
                    }
                    depth += 1
                } else if character == "}" {
                    depth -= 1
                    if let last = open.last, last.depth == depth {
                        result.append((last.line + 1, index - last.line + 1))
                        open.removeLast()
                    }
                }
            }
        }
        return result
    }

    private static func declaresFunction(_ line: String) -> Bool {
        let words = line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
        return words.contains("func")
            || line.drop { $0 == " " }.hasPrefix("init(")
            || line.contains(" init(") && words.contains { ["package", "private", "public", "mutating"].contains($0) }
    }

    @Test func theFunctionCounterCounts() {
        let text = ["struct A {", "    func f() {", "        if true { }", "    }", "    init() {", "    }", "}"]
        let found = Self.functions(of: SourceTree.File(path: "A.swift", lines: text))
        #expect(found.map(\.length) == [3, 2])
    }
}
