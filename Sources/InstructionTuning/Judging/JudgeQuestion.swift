import Storage
package import SwarmFile

/// A question that several contestants answer and a judge compares their answers to.
package struct JudgeQuestion: Sendable, Hashable {
    /// What answers name the question by: its `question_id`, or its number in a file of records, from 1 on.
    package var id: String
    /// The instruction with its context and what was said before. A response is not looked at.
    package var record: InstructionRecord

    package init(id: String, record: InstructionRecord) {
        self.id = id
        self.record = record
    }

    /// The kind of question; empty where the file does not say.
    package var category: String { record.category }

    /// The question as a judge reads it: what was said before, the instruction, and its context.
    package var text: String {
        var parts = record.history.map { "\($0.role.rawValue): \($0.content)" }
        parts.append(record.history.isEmpty ? record.instruction : "user: \(record.instruction)")
        if !record.context.isEmpty { parts.append(record.context) }
        return parts.joined(separator: "\n\n")
    }
}

extension JudgeQuestion {
    /// The most bytes of a file of questions or answers.
    static let fileLimit = 256 << 20

    /// Reads questions as FastChat has them (`question_id`, `category`, and `text` or the first of `turns`), or any file of
    /// instructions, whose fields may have names of their own. Throws `JudgeFileError` or `DatasetError`.
    package static func read(
        path: String, fields: SwarmTopology.Data.Fields = .defaults
    ) throws -> [JudgeQuestion] {
        let bytes = try ReadableFile.contents(of: path, limit: fileLimit)
        if let questions = try fastChat(bytes, path: path) { return questions }
        return numbered(try InstructionDataset.read(path: path, fields: fields).records)
    }

    /// Records as questions that are called by their numbers.
    package static func numbered(_ records: [InstructionRecord]) -> [JudgeQuestion] {
        records.enumerated().map { JudgeQuestion(id: "\($0 + 1)", record: $1) }
    }

    /// The lines of a file whose first one has a `question_id`; nil for other files.
    static func fastChat(_ bytes: [UInt8], path: String) throws(JudgeFileError) -> [JudgeQuestion]? {
        var questions: [JudgeQuestion] = []
        var known: Set<String> = []
        for (number, line) in JSONLines.lines(of: bytes) {
            guard let json = try? JSONValue.parse(Array(line)) else {
                // What begins as something else is left to the reader of records, with its own words.
                if questions.isEmpty { return nil }
                throw JudgeFileError(path: path, line: number, reason: "this is no line of JSON")
            }
            if questions.isEmpty, json["question_id"] == nil { return nil }
            guard let id = JSONLines.id(json), known.insert(id).inserted else {
                throw JudgeFileError(
                    path: path, line: number, reason: "a question_id of its own is expected, a number or a text")
            }
            guard let text = json["text"]?.text ?? json["turns"]?.array?.first?.text, !text.isEmpty else {
                throw JudgeFileError(path: path, line: number, reason: "there is no question in text or turns")
            }
            questions.append(
                JudgeQuestion(
                    id: id,
                    record: InstructionRecord(
                        instruction: text, response: "", category: json["category"]?.text ?? "")))
        }
        return questions.isEmpty ? nil : questions
    }

    /// The first questions: at most `count` of all, and at most `perCategory` of each category.
    package static func first(_ count: Int?, perCategory: Int?, of questions: [JudgeQuestion]) -> [JudgeQuestion] {
        var taken: [String: Int] = [:]
        let chosen = questions.filter { question in
            taken[question.category, default: 0] += 1
            return taken[question.category, default: 0] <= perCategory ?? .max
        }
        return Array(chosen.prefix(count ?? chosen.count))
    }
}

/// What a contestant answered, question by question.
package struct JudgeAnswers: Sendable, Hashable {
    /// What the contestant is called.
    package var name: String
    /// The answers by the questions' ids.
    package var answers: [String: String]

    package init(name: String, answers: [String: String]) {
        self.name = name
        self.answers = answers
    }

    /// Reads a file of answers, JSON Lines: `question_id` or `id`, and `answer`, `text`, or FastChat's `choices` with
    /// `turns`, whose first one counts. Throws `JudgeFileError` or `FileError`.
    package static func read(path: String, name: String) throws -> JudgeAnswers {
        try parse(try ReadableFile.contents(of: path, limit: JudgeQuestion.fileLimit), path: path, name: name)
    }

    /// Reads `bytes` as if they were the file called `path`.
    package static func parse(_ bytes: [UInt8], path: String, name: String) throws(JudgeFileError) -> JudgeAnswers {
        var answers: [String: String] = [:]
        for (number, line) in JSONLines.lines(of: bytes) {
            func refuse(_ reason: String) -> JudgeFileError { JudgeFileError(path: path, line: number, reason: reason) }
            guard let json = try? JSONValue.parse(Array(line)) else { throw refuse("this is no line of JSON") }
            guard let id = JSONLines.id(json) else { throw refuse("there is no question_id, nor an id") }
            let choice = json["choices"]?.array?.first
            guard let answer = json["answer"]?.text ?? json["text"]?.text ?? choice?["turns"]?.array?.first?.text
            else { throw refuse("there is no text in answer, text, or choices with turns") }
            guard answers.updateValue(answer, forKey: id) == nil else {
                throw refuse("question \(id.prefix(80)) has been answered above")
            }
        }
        guard !answers.isEmpty else { throw JudgeFileError(path: path, line: 1, reason: "there are no answers") }
        return JudgeAnswers(name: name, answers: answers)
    }
}

/// A line that is no question or answer.
package struct JudgeFileError: Error, Equatable, CustomStringConvertible {
    package let path: String
    package let line: Int
    package let reason: String

    package var description: String { "\(path):\(line): \(reason)" }
}

/// Lines of JSON with ids.
enum JSONLines {
    /// The lines that are not empty, with their numbers from one; a byte order mark is passed over.
    static func lines(of bytes: [UInt8]) -> [(number: Int, line: ArraySlice<UInt8>)] {
        let start = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
        return bytes[start...].split(separator: 0x0a, omittingEmptySubsequences: false).enumerated()
            .compactMap { index, line in
                let isEmpty = line.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }
                return isEmpty ? nil : (index + 1, line)
            }
    }

    /// The id of a question: a text that is not empty, or a whole number.
    static func id(_ json: JSONValue) -> String? {
        guard let value = json["question_id"] ?? json["id"] else { return nil }
        if let text = value.text { return text.isEmpty ? nil : text }
        return value.int.map { "\($0)" }
    }
}
