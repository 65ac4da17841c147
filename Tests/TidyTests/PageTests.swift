import Foundation
import TestSupport
import Testing

/// The pages: how wide they are, whether their links lead somewhere, and what a decision and a release have to say.
@Suite struct PageTests {
    /// Every page of the project: those at the root, those in docs, and the templates of the forge.
    static let pages: [SourceTree.File] = {
        let root = SharedData.projectRoot
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
        let atRoot = names.filter { $0.hasSuffix(".md") }.sorted().compactMap { name -> SourceTree.File? in
            guard let text = try? String(contentsOf: root.appendingPathComponent(name), encoding: .utf8) else {
                return nil
            }
            return SourceTree.File(path: name, lines: text.components(separatedBy: "\n"))
        }
        return atRoot + SourceTree.files(in: ["docs", ".github"], extensions: ["md"])
    }()

    @Test func thereArePages() {
        let paths = Set(Self.pages.map(\.path))
        #expect(paths.isSuperset(of: ["README.md", "CHANGELOG.md", "docs/tutorial.md", "docs/protocol.md"]))
    }

    @Test func linesAreNarrow() {
        for page in Self.pages {
            let made = Self.madeLines(of: page)
            for (number, line) in page.lines.enumerated() where line.count > 120 && !made.contains(number) {
                Issue.record("\(page.path):\(number + 1): \(line.count) columns; 120 are enough")
            }
        }
    }

    /// A link to a file of the project, or to a heading of a page.
    @Test func linksLeadSomewhere() {
        let anchors = Dictionary(uniqueKeysWithValues: Self.pages.map { ($0.path, Self.anchors(of: $0)) })
        for page in Self.pages {
            for link in Self.links(of: page) where !link.target.contains("://") && !link.target.hasPrefix("mailto:") {
                let parts = link.target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
                let path = parts[0].isEmpty ? page.path : Self.resolve(String(parts[0]), from: page.path)
                let place = "\(page.path):\(link.line): \(link.target)"
                let url = SharedData.projectRoot.appendingPathComponent(path)
                #expect(FileManager.default.fileExists(atPath: url.path), "\(place): there is no such file")
                guard parts.count == 2, path.hasSuffix(".md") else { continue }
                #expect(anchors[path]?.contains(String(parts[1])) == true, "\(place): the page has no such heading")
            }
        }
    }

    /// A page that the sources, the scripts or the tests name is there.
    @Test func pagesThatTheCodeNamesAreThere() {
        let folders = ["Sources", "Tests", "scripts", "topologies"]
        let files = SourceTree.files(in: folders, extensions: ["swift", "c", "h", "py", "json", "yaml", ""])
        for file in files {
            for (number, line) in file.lines.enumerated() where line.contains("docs/") {
                for match in line.matches(of: /docs\/[a-z\/-]+\.md/) {
                    let url = SharedData.projectRoot.appendingPathComponent(String(match.output))
                    #expect(
                        FileManager.default.fileExists(atPath: url.path),
                        "\(file.path):\(number + 1): there is no \(match.output)")
                }
            }
        }
    }

    @Test func decisionsSayContextDecisionAndConsequences() {
        let decisions = Self.pages.filter { $0.path.hasPrefix("docs/decisions/") }
        #expect(decisions.count > 20)
        for decision in decisions {
            let headings = decision.lines.filter { $0.hasPrefix("#") }
            #expect(headings.first?.hasPrefix("# ") == true, "\(decision.path) has no title")
            let expected = ["## Context", "## Decision", "## Consequences"]
            #expect(headings.filter(expected.contains) == expected, "\(decision.path): its headings are \(headings)")
        }
    }

    /// The version stands in one place of the sources, and the changelog's newest release is that version.
    @Test func theChangelogKnowsTheVersion() throws {
        let versions = SourceTree.files(in: ["Sources"], extensions: ["swift"]).flatMap { file in
            file.lines.filter { $0.contains("version") }.flatMap { line in
                line.matches(of: /\bversion(?:: | = )"(\d+\.\d+\.\d+)"/).map { String($0.output.1) }
            }
        }
        #expect(versions.count == 1, "the version stands in \(versions.count) places")
        let changelog = try #require(Self.pages.first { $0.path == "CHANGELOG.md" })
        let release = try #require(
            changelog.lines.lazy.compactMap { $0.wholeMatch(of: /## (\d+\.\d+\.\d+) - .*/) }.first)
        #expect(versions.first == String(release.output.1))
    }

    @Test func anchorsAreThoseOfTheForge() {
        let page = SourceTree.File(
            path: "a.md",
            lines: ["# The `wire`, and more", "```", "# no heading", "```", "## A–B", "## A–B", "[x](b.md#c)"])
        #expect(Self.anchors(of: page) == ["the-wire-and-more", "ab", "ab-1"])
        #expect(Self.links(of: page).map(\.target) == ["b.md#c"])
        #expect(Self.resolve("../README.md", from: "pages/a.md") == "README.md")
    }

    // MARK: - Reading pages

    /// The lines, numbered from zero, of tables that a test makes from declarations in the sources: a row is one
    /// declaration, however long. They stand between `<!-- NAME: made by TEST -->` and `<!-- end of NAME -->`; all
    /// tables of docs/topologies.md are such.
    static func madeLines(of page: SourceTree.File) -> Set<Int> {
        var isMade = false
        var result: Set<Int> = []
        for (number, line) in page.lines.enumerated() {
            if line.hasPrefix("<!-- ") && line.contains(": made by ") { isMade = true }
            if line.hasPrefix("<!-- end of ") { isMade = false }
            if line.hasPrefix("|") && (isMade || page.path == "docs/topologies.md") { result.insert(number) }
        }
        return result
    }

    /// The lines outside of code blocks, numbered from one.
    private static func prose(of page: SourceTree.File) -> [(line: Int, text: String)] {
        var isCode = false
        return page.lines.enumerated().compactMap { index, text in
            if text.drop(while: { $0 == " " }).hasPrefix("```") {
                isCode.toggle()
                return nil
            }
            return isCode || text.hasPrefix("    ") ? nil : (index + 1, text)
        }
    }

    /// The targets of a page's links and pictures, with the lines that they stand in.
    static func links(of page: SourceTree.File) -> [(line: Int, target: String)] {
        prose(of: page).flatMap { line, text in
            text.replacing(/`[^`]*`/, with: "").matches(of: /\]\(([^()\s]+)\)/).map { (line, String($0.output.1)) }
        }
    }

    /// The names by which a page's headings can be linked to: lower case, hyphens for spaces, no punctuation; a second
    /// heading of one name has `-1` behind it.
    static func anchors(of page: SourceTree.File) -> Set<String> {
        var seen: [String: Int] = [:]
        var result: Set<String> = []
        for (_, text) in prose(of: page) where text.hasPrefix("#") {
            let title = text.drop { $0 == "#" }.trimmingPrefix(" ").lowercased()
            let name = String(
                title.compactMap { character -> Character? in
                    if character == " " { return "-" }
                    return character.isLetter || character.isNumber || "-_".contains(character) ? character : nil
                })
            let count = seen[name, default: 0]
            seen[name] = count + 1
            result.insert(count == 0 ? name : "\(name)-\(count)")
        }
        return result
    }

    /// The path from the project's root of what `target` means on the page `path`.
    static func resolve(_ target: String, from path: String) -> String {
        var parts = path.split(separator: "/").dropLast().map(String.init)
        for part in target.split(separator: "/") {
            if part == ".." { _ = parts.popLast() } else if part != "." { parts.append(String(part)) }
        }
        return parts.joined(separator: "/")
    }
}
