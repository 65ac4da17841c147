/// What is wrong with a topology file, and where.
package struct TopologyError: Error, Hashable, CustomStringConvertible {
    /// The file as it was named by whoever asked for it.
    package let file: String
    /// The line, counted from one; nil where the fault has no place of its own (an unreadable file).
    package let line: Int?
    /// The key with its section, `tuning.batch`; nil where the fault is not about one key.
    package let key: String?
    /// What is wrong and what is allowed, one sentence.
    package let problem: String

    package init(file: String, line: Int? = nil, key: String? = nil, problem: String) {
        self.file = file
        self.line = line
        self.key = key
        self.problem = problem
    }

    /// `demo.yaml:12: tuning.batch: "none" is not a whole number; 1 to 65536 is allowed`.
    package var description: String {
        var place = file
        if let line { place += ":\(line)" }
        if let key { place += ": \(key)" }
        return "\(place): \(problem)"
    }
}

/// Suggestions for misspelt names.
enum NearestName {
    /// The candidate with the smallest edit distance from `name`, if it is near enough to be what was meant: at most a
    /// third of the letters differ, two at least.
    static func of(_ name: String, among candidates: [String]) -> String? {
        let ranked = candidates.map { (distance: distance(name, $0), candidate: $0) }
            .sorted { ($0.distance, $0.candidate) < ($1.distance, $1.candidate) }
        guard let best = ranked.first, best.distance <= max(2, name.count / 3) else { return nil }
        return best.candidate
    }

    /// The Levenshtein distance by dynamic programming, one row at a time. Long names are cut: they are no typing slip.
    static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left.prefix(64)), right = Array(right.prefix(64))
        var row = Array(0...right.count)
        for (i, letter) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in right.enumerated() {
                let substitution = diagonal + (letter == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substitution, diagonal + 1, row[j] + 1)
            }
        }
        return row[right.count]
    }
}
