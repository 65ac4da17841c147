import Foundation
import TestSupport

/// The project's files as the tidy tests read them: relative path and text.
struct SourceTree {
    /// One file.
    struct File {
        /// The path from the project's root.
        let path: String
        /// The lines, without their ends.
        let lines: [String]

        /// The lines with what stands in comments and string literals blanked, so that checks see code alone.
        var code: [String] { CodeOnly.lines(lines) }
    }

    /// Reads all files below `folders` whose name ends in one of `extensions`.
    static func files(in folders: [String], extensions: Set<String>) -> [File] {
        folders.flatMap { folder -> [File] in
            let base = SharedData.projectRoot.appendingPathComponent(folder)
            guard let enumerator = FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil) else {
                return []
            }
            return enumerator.compactMap { entry -> File? in
                guard let url = entry as? URL, extensions.contains(url.pathExtension),
                    let text = try? String(contentsOf: url, encoding: .utf8)
                else { return nil }
                let path = String(url.path.dropFirst(SharedData.projectRoot.path.count + 1))
                return File(
                    path: path, lines: text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
            }
        }.sorted { $0.path < $1.path }
    }

    /// The Swift sources of one module.
    static func module(_ name: String) -> [File] {
        files(in: ["Sources/\(name)"], extensions: ["swift"])
    }
}

/// Blanks comments and string literals, line by line. It knows `//`, `/* */`, `"…"` and `"""`; interpolations are
/// blanked with their literal.
enum CodeOnly {
    static func lines(_ lines: [String]) -> [String] {
        var inBlockComment = false
        var inMultilineString = false
        return lines.map { line in
            var result = ""
            var characters = Array(line)[...]
            var inString = false
            while let character = characters.first {
                let two = String(characters.prefix(2))
                let three = String(characters.prefix(3))
                if inBlockComment {
                    if two == "*/" { inBlockComment = false }
                    characters = characters.dropFirst(two == "*/" ? 2 : 1)
                } else if inMultilineString {
                    if three == "\"\"\"" { inMultilineString = false }
                    characters = characters.dropFirst(three == "\"\"\"" ? 3 : 1)
                } else if inString {
                    if character == "\"" { inString = false }
                    characters = characters.dropFirst(character == "\\" ? 2 : 1)
                } else if two == "//" {
                    break
                } else if two == "/*" {
                    inBlockComment = true
                    characters = characters.dropFirst(2)
                } else if three == "\"\"\"" {
                    inMultilineString = true
                    characters = characters.dropFirst(3)
                } else if character == "\"" {
                    inString = true
                    characters = characters.dropFirst()
                } else {
                    result.append(character)
                    characters = characters.dropFirst()
                }
            }
            return result
        }
    }
}
