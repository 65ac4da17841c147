import Basics
import InstructionTuning
import Storage
import SwarmFile
import Testing

@Suite("Duplicates and leaks") struct DuplicateReportTests {
    private typealias Report = DuplicateReport

    /// A record of random words, so that no two are alike by chance.
    private static func record(_ seed: UInt64, words: Int = 40) -> InstructionRecord {
        var generator = SeededGenerator(seed: seed, label: "words")
        func text(_ count: Int) -> String {
            (0..<count).map { _ in String(UInt32.random(in: 0...99_999, using: &generator), radix: 36) }
                .joined(separator: " ")
        }
        return InstructionRecord(instruction: text(words), response: text(words))
    }

    /// The record with one word of its answer changed.
    private static func changed(_ record: InstructionRecord) -> InstructionRecord {
        var record = record
        var words = record.response.split(separator: " ")
        words[words.count / 2] = "changed"
        record.response = words.joined(separator: " ")
        return record
    }

    @Test("Exact and near duplicates are counted and named by their numbers; others are not")
    func duplicates() {
        var records = (0..<500).map { Self.record($0) }
        records.append(records[16])
        records.append(Self.changed(records[99]))
        var filed = records[3]
        filed.category = "other"
        records.append(filed)
        let report = Report(training: [.init(name: "a", records: records)])
        #expect(report.records == 503 && report.exact.count == 2 && report.near.count == 1)
        #expect(report.exact.examples[0].record == .init(part: "a", record: 501))
        #expect(report.exact.examples.map(\.other.record) == [17, 4])
        #expect(report.near.examples[0].record.record == 502 && report.near.examples[0].other.record == 100)
        #expect(report.near.examples[0].similarity > 0.7 && report.near.examples[0].similarity < 1)
        // The question is the earlier one's, the answer is not quite.
        #expect(report.contradicting.count == 1)
        #expect(report.leaks.count == 0 && !report.description.contains("leaks"))
    }

    @Test("Case, punctuation and white space do not make another text")
    func normalisation() {
        let one = InstructionRecord(instruction: "What is a starling? Say it.", response: "A bird of Europe.")
        let two = InstructionRecord(instruction: "what is  a Starling -- say it", response: "a bird of europe")
        let report = Report(training: [.init(name: "a", records: [one, two])])
        #expect(report.exact.count == 0 && report.near.count == 1 && report.near.examples[0].similarity == 1)
    }

    @Test("Held-out questions that are asked in training are leaks, whatever the answer")
    func leaks() {
        let records = (0..<200).map { Self.record($0) }
        var same = records[7]
        same.response = "another answer"
        var nearly = Self.record(8)
        nearly.instruction = records[8].instruction + " please"
        let report = Report(
            training: [
                .init(name: "a", records: Array(records[..<5])), .init(name: "b", records: Array(records[5...])),
            ],
            heldOut: [.init(name: "held-out", records: [Self.record(900), same, nearly])])
        #expect(report.records == 200 && report.heldOut == 3)
        #expect(report.leaks.count == 1 && report.nearLeaks.count == 1)
        #expect(report.leaks.examples[0].record == .init(part: "held-out", record: 2))
        #expect(report.leaks.examples[0].other == .init(part: "b", record: 3))
        #expect(report.nearLeaks.examples[0].other == .init(part: "b", record: 4))
        #expect(report.description.contains("leaks: 1 of 3 held-out records are asked in training too"))
        #expect(report.json["leaks"]?["count"]?.int == 1 && report.json["method"]?["bands"]?.int == 28)
    }

    @Test("Conversations are compared with all their turns, and records without words are not alike")
    func conversations() {
        let one = InstructionRecord(instruction: "i", response: "r", history: [ChatTurn(.system, "s")])
        let two = InstructionRecord(instruction: "i", response: "r")
        let empty = [
            InstructionRecord(instruction: "?", response: ""), InstructionRecord(instruction: "!", response: ""),
        ]
        let report = Report(training: [.init(name: "a", records: [one, two] + empty)])
        #expect(report.exact.count == 0 && report.contradicting.count == 0 && report.near.count == 0)
    }

    @Test("Pairs above the threshold are found, far below it none", arguments: 0..<4)
    func recall(seed: UInt64) {
        let originals = (0..<300).map { Self.record(seed * 1_000 + $0) }
        // Of 76 shingles a change of one word in the answer takes three: 73 of 79 remain, 0.92.
        let copies = originals.map(Self.changed)
        let found = Report(training: [.init(name: "a", records: originals + copies)])
        #expect(found.near.count == 300 && found.exact.count == 0)
        // Half of the words are another's: about 0.33.
        let halves = originals.enumerated().map { index, record in
            InstructionRecord(instruction: record.instruction, response: Self.record(50_000 + UInt64(index)).response)
        }
        #expect(Report(training: [.init(name: "a", records: originals + halves)]).near.count == 0)
    }
}
