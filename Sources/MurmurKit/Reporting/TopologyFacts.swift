import Foundation
import SwarmFile

extension SwarmTopology {
    /// Every setting that peers share, for the end of a report. Addresses and keys stay out of a page that one shows
    /// around.
    var facts: [(String, String)] {
        var facts: [(String, String)] = []
        var section = ""
        for line in yaml.split(separator: "\n") {
            guard line.hasPrefix("  ") else {
                section = String(line.prefix { $0 != ":" })
                if section == "wait-for" { facts.append((section, String(line.drop { $0 != " " }.dropFirst()))) }
                continue
            }
            let parts = line.dropFirst(2).split(separator: ":", maxSplits: 1)
            guard ["model", "tuning", "data", "exchange", "graph"].contains(section), parts.count == 2 else { continue }
            facts.append(("\(section).\(parts[0])", Self.plain(parts[1].trimmingCharacters(in: .whitespaces))))
        }
        return facts
    }

    /// A value as a person writes it: YAML's quotes around a whole text say nothing to a reader.
    private static func plain(_ value: String) -> String {
        guard value.count >= 2, value.first == "\"", value.last == "\"" else { return value }
        let text = value.dropFirst().dropLast()
        return text.contains { $0 == "\"" || $0 == "\\" } ? value : String(text)
    }

    /// A moment in seconds since 1970 as `2026-11-28 16:02 UTC`.
    static func date(_ seconds: Double) -> String {
        guard abs(seconds) < 1e11 else { return "–" }
        let text = Date(timeIntervalSince1970: seconds).ISO8601Format()
        return text.prefix(16).replacingOccurrences(of: "T", with: " ") + " UTC"
    }
}
