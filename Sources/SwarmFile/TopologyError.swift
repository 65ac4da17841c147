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
