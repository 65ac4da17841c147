package import Storage
import SwarmFile

/// Which records occur twice, and which of the held-out ones are asked in training as well.
package struct DuplicateReport: Sendable, Equatable {
    /// Records that belong together and are counted from one.
    package struct Part: Sendable {
        /// A file's path, or a peer's name.
        package var name: String
        package var records: [InstructionRecord]

        package init(name: String, records: [InstructionRecord]) {
            self.name = name
            self.records = records
        }
    }

    /// Where a record is.
    package struct Place: Sendable, Hashable {
        package var part: String
        /// Its number in the part, from one.
        package var record: Int

        package init(part: String, record: Int) {
            self.part = part
            self.record = record
        }
    }

    /// A record and the earlier one, or the one trained on, that it is like.
    package struct Pair: Sendable, Equatable {
        package var record: Place
        package var other: Place
        /// From `NearestTexts.threshold` to 1.
        package var similarity: Double
    }

    /// How many records there are of a kind, and the first of them.
    package struct Finding: Sendable, Equatable {
        /// How many pairs are kept.
        package static let exampleLimit = 5

        package var count = 0
        package var examples: [Pair] = []

        fileprivate mutating func add(_ record: Place, _ other: Place, _ similarity: Double = 1) {
            count += 1
            guard examples.count < Self.exampleLimit else { return }
            examples.append(Pair(record: record, other: other, similarity: similarity))
        }
    }

    /// The records to train on.
    package private(set) var records = 0
    package private(set) var heldOut = 0
    /// Records whose every field but the category is that of an earlier one.
    package private(set) var exact = Finding()
    /// Records that are like an earlier one in question and answer, and none exactly.
    package private(set) var near = Finding()
    /// Records whose question is an earlier one's, and whose answer is another.
    package private(set) var contradicting = Finding()
    /// Held-out records whose question is asked in training too.
    package private(set) var leaks = Finding()
    /// Held-out records whose question is like one of training, and none exactly.
    package private(set) var nearLeaks = Finding()

    /// Looks at the records to train on, part after part, and at those held out from them, if there are any.
    package init(training: [Part], heldOut: [Part] = []) {
        let trained = Listing(training)
        var seenRecords: [InstructionRecord: Int] = [:]
        var questions: [Question: Int] = [:]
        var texts = NearestTexts()
        for index in trained.records.indices {
            let record = trained.records[index].withoutCategory
            records += 1
            let question = Question(record)
            defer {
                if questions[question] == nil { questions[question] = index }
            }
            if let first = seenRecords[record] {
                exact.add(trained.places[index], trained.places[first])
                continue
            }
            seenRecords[record] = index
            if let first = questions[question] { contradicting.add(trained.places[index], trained.places[first]) }
            let shingles = record.shingles
            if let found = texts.nearest(to: shingles, shingles: { trained.records[$0].shingles }) {
                near.add(trained.places[index], trained.places[found.index], found.similarity)
            }
            texts.keep(shingles, as: index)
        }
        look(at: Listing(heldOut), among: trained, questions)
    }

    private mutating func look(at held: Listing, among trained: Listing, _ questions: [Question: Int]) {
        guard !held.records.isEmpty else { return }
        var texts = NearestTexts()
        for (index, record) in trained.records.enumerated() { texts.keep(record.questionShingles, as: index) }
        for (record, place) in zip(held.records, held.places) {
            heldOut += 1
            if let index = questions[Question(record)] {
                leaks.add(place, trained.places[index])
            } else if let found = texts.nearest(
                to: record.questionShingles, shingles: { trained.records[$0].questionShingles })
            {
                nearLeaks.add(place, trained.places[found.index], found.similarity)
            }
        }
    }

    /// Records of several parts in one list, with their places.
    private struct Listing {
        var records: [InstructionRecord] = []
        var places: [Place] = []

        init(_ parts: [Part]) {
            for part in parts {
                records += part.records
                places += part.records.indices.map { Place(part: part.name, record: $0 + 1) }
            }
        }
    }

    /// What is asked, letter for letter.
    private struct Question: Hashable {
        let turns: [ChatTurn]

        init(_ record: InstructionRecord) { turns = record.turns.dropLast() }
    }
}

extension InstructionRecord {
    fileprivate var withoutCategory: InstructionRecord {
        var record = self
        record.category = ""
        return record
    }

    fileprivate var shingles: Shingles { Shingles(of: turns.map(\.content)) }
    fileprivate var questionShingles: Shingles { Shingles(of: turns.dropLast().map(\.content)) }
}

extension DuplicateReport {
    /// The report in lines for people.
    package var description: String {
        func examples(_ finding: Finding, _ sign: String) -> [String] {
            finding.examples.map { pair in
                let share = pair.similarity < 1 ? " (\(Int((pair.similarity * 100).rounded())) %)" : ""
                return
                    "  \(pair.record.part) \(pair.record.record) \(sign) \(pair.other.part) \(pair.other.record)\(share)"
            }
        }
        var lines = ["exact duplicates: \(exact.count) of \(records) records are an earlier one again"]
        lines += examples(exact, "=")
        lines.append("near duplicates: \(near.count) are like an earlier one in question and answer")
        lines += examples(near, "~")
        lines.append("one question, another answer: \(contradicting.count)")
        lines += examples(contradicting, "≠")
        if heldOut > 0 {
            lines.append("leaks: \(leaks.count) of \(heldOut) held-out records are asked in training too")
            lines += examples(leaks, "=")
            lines.append("near leaks: \(nearLeaks.count) are like a question of training")
            lines += examples(nearLeaks, "~")
        }
        return lines.joined(separator: "\n")
    }

    /// The report for `--json`, its keys always in the same order.
    package var json: JSONValue {
        func place(_ place: Place) -> JSONValue {
            ["part": .text(place.part), "record": .integer(place.record)]
        }
        func finding(_ finding: Finding) -> JSONValue {
            let examples = finding.examples.map { pair -> JSONValue in
                ["record": place(pair.record), "other": place(pair.other), "similarity": .number(pair.similarity)]
            }
            return ["count": .integer(finding.count), "examples": .array(examples)]
        }
        return [
            "records": .integer(records), "held_out": .integer(heldOut), "exact": finding(exact), "near": finding(near),
            "contradicting": finding(contradicting), "leaks": finding(leaks), "near_leaks": finding(nearLeaks),
            "method": [
                "shingle_words": .integer(Shingles.width), "bands": .integer(NearestTexts.bands),
                "rows": .integer(NearestTexts.rows), "similarity": .number(NearestTexts.threshold),
            ],
        ]
    }
}
