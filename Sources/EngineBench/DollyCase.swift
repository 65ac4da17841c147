import Foundation
import InstructionTuning
import LanguageModel

/// Steps on real records as they come: packed, loss on responses. `--dump FILE` writes the token sequences as JSON, for
/// the program beside.
struct DollyCase {
    private let model: BenchModel
    private let batch: Int
    private let steps: Int
    private let data: String
    private let tokenizer: String
    private let dump: String

    init(_ arguments: BenchArguments) throws {
        model = try BenchModel(arguments)
        batch = try arguments.number("batch", 16)
        steps = try arguments.number("steps", 5)
        data = arguments.text("data", "")
        tokenizer = arguments.text("tokenizer", "")
        dump = arguments.text("dump", "")
    }

    func run() async throws -> [String: String] {
        let tokenizer = try Tokenizer.load(directory: tokenizer)
        let records = try InstructionDataset.read(path: data).records
        let encoder = RecordEncoder(template: try PromptTemplate.named("alpaca"), encoder: tokenizer, cutoff: 512)
        var sampler = BatchSampler(count: records.count, batch: 1, seed: 11, stream: "bench")
        var chosen: [InstructionRecord] = []
        // A few more than needed: some leave no room for a response.
        while chosen.count < (steps + 1) * batch * 5 / 4 { chosen += sampler.next().map { records[$0] } }
        let sequences = EncodedRecords(chosen, with: encoder).sequences
        if !dump.isEmpty { try write(sequences) }

        let base = model.make(vocabulary: Int(tokenizer.largestIdentifier) + 1)
        var tuner = BenchTuner(model.engine(of: base))
        var tokens = 0
        for step in 0...steps {
            let part = Array(sequences[step * batch..<(step + 1) * batch])
            try await tuner.step(part, isFirst: step == 0)
            if step > 0 { tokens += part.reduce(0) { $0 + $1.tokens.count } }
        }
        var result = tuner.times.summary
        result["records_per_s"] = String(format: "%.5g", Double(steps * batch) / tuner.times.total)
        result["tokens"] = "\(tokens)"
        return result
    }

    private func write(_ sequences: [TokenSequence]) throws {
        let lines = sequences.map { sequence in
            let labels = sequence.lossMask.map { $0 ? "1" : "0" }.joined(separator: ",")
            return "{\"tokens\":[\(sequence.tokens.map(String.init).joined(separator: ","))],\"loss\":[\(labels)]}"
        }
        try Data("[\(lines.joined(separator: ",\n"))]".utf8).write(to: URL(fileURLWithPath: dump))
    }
}
