import Basics
import Cryptography
import Foundation
package import InstructionTuning
import Observability
import Storage

/// A file of answers that a model of this process writes, a line each; questions that it has an answer to are not asked
/// again.
package struct AnswerSheet: Sendable {
    private let path: String
    /// What the answers follow from: the model, how it is asked and how its tokens are chosen.
    private let settings: [(String, JSONValue)]
    private let mark: String
    /// What was answered before.
    package let answered: Set<String>

    /// The file without a last line that was cut short; nil where there is none.
    private var whole: [UInt8]?

    private static let head = Array("{\"question_id\":".utf8)

    /// Opens the file at `path`, or begins a new one.
    ///
    /// - Parameters:
    ///   - model, adapter: their paths, which are kept in each line.
    /// - Throws: `CommandFailure` for a file that other settings wrote, or that is none of this kind.
    package init(
        _ path: String, model: String, adapter: String?, template: String, sampling: SamplingChoices
    ) throws {
        self.path = path
        settings = [
            ("model", .text(model)), ("adapter", adapter.map { .text($0) } ?? .null), ("template", .text(template)),
            ("max_new_tokens", .integer(sampling.maximumTokens)), ("temperature", .number(sampling.temperature)),
            ("top_k", .integer(sampling.topK)), ("top_p", .number(sampling.topP)), ("seed", .text("\(sampling.seed)")),
        ]
        // What lies at a path may change.
        var digests = [try ModelComposition.baseModelDigest(directory: ModelComposition.modelDirectory(model))]
        for name in ["adapter_config.json", "adapter_model.safetensors"] {
            if let adapter { digests.append(try ModelComposition.digest(ofFile: "\(adapter)/\(name)")) }
        }
        let all = JSONValue.array([.object(JSONObject(settings))] + digests.map { .text($0.hexadecimal) })
        mark = Array(Digest.blake2b256(all.encoded(), personalisation: "murmur answers").prefix(8)).hexadecimal
        guard FileManager.default.fileExists(atPath: path) else {
            answered = []
            return
        }
        var answered: Set<String> = []
        let bytes = try ReadableFile.contents(of: path, limit: 256 << 20)
        let lines = bytes.split(separator: 0x0a)
        for (place, line) in lines.enumerated() {
            guard let json = try? JSONValue.parse(Array(line)), let id = json["question_id"]?.text,
                json["answer"]?.text != nil
            else {
                // The last line may have been cut short by whatever ended the process.
                let isCutShort = place + 1 == lines.count && bytes.last != 0x0a
                if isCutShort, place > 0 || line.starts(with: Self.head) || Self.head.starts(with: line) {
                    whole = Array(bytes[..<line.startIndex])
                    break
                }
                throw CommandFailure(
                    "\(path):\(place + 1): this is no answer of `murmur judge answers`; name another file")
            }
            guard json["mark"]?.text == mark else {
                throw CommandFailure("\(path) holds answers of another model or other settings; name another file")
            }
            answered.insert(id)
        }
        self.answered = answered
    }

    /// Has `responder` answer what is not answered yet, and appends each answer as it comes.
    package func write(
        _ questions: [JudgeQuestion], responder: any Responder, told: @escaping @Sendable (Int, Int) -> Void
    ) async throws {
        if let whole { try AtomicFile.write(whole, to: path) }
        let waiting = questions.filter { !answered.contains($0.id) }
        guard !waiting.isEmpty else { return }
        let file: LineFile
        do {
            file = try LineFile(appendingTo: URL(fileURLWithPath: path))
        } catch {
            throw CommandFailure("\(path) cannot be written: \((error as NSError).localizedDescription)")
        }
        // All at once: the responder writes them side by side and lets the others wait.
        try await withThrowingTaskGroup(of: (JudgeQuestion, String).self) { group in
            for question in waiting {
                group.addTask { (question, try await responder.wholeResponse(to: .instruction(question.record))) }
            }
            var done = questions.count - waiting.count
            for try await (question, answer) in group {
                guard file.append(Data(line(question, answer).encoded())), file.synchronise() else {
                    throw CommandFailure("\(path) cannot be written: \(file.failure ?? "the disk does not keep it")")
                }
                done += 1
                told(done, questions.count)
            }
        }
        file.close()
    }

    private func line(_ question: JudgeQuestion, _ answer: String) -> JSONValue {
        .object(
            JSONObject(
                [
                    ("question_id", .text(question.id)), ("category", .text(question.category)),
                    ("answer", .text(answer)),
                ] + settings + [("mark", .text(mark))]))
    }
}
