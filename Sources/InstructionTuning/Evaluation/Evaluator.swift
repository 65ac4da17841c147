package import Adapters
package import LanguageModel
package import LinearAlgebra

/// Measures adapters on held-out records: the loss of the expected responses and, unless left out, how near greedily
/// generated answers come to them.
package final class Evaluator: Sendable {
    /// What to generate.
    package struct Options: Sendable, Hashable {
        /// Whether answers are generated; without them there is no ROUGE-L and no exact match.
        package var generates = true
        /// The most tokens of an answer.
        package var maximumTokens = 64
        /// How many records, evenly chosen, answers are generated for; nil for all.
        package var generatedRecords: Int?
        /// What the records are called where something is wrong with them.
        package var name = "held-out"
        /// How many threads share the work of losses, the lane's among them.
        package var threads = 1

        package init(generates: Bool = true, maximumTokens: Int = 64, generatedRecords: Int? = nil) {
            self.generates = generates
            self.maximumTokens = maximumTokens
            self.generatedRecords = generatedRecords
        }
    }

    /// What encoding did to the records.
    package var report: EncodedRecords.Report { encoded.report }

    /// The records that are measured, in the order of the scores.
    package var records: [InstructionRecord] { encoded.records }

    private let engine: TrainingEngine
    private let encoder: RecordEncoder
    private let encoded: EncodedRecords
    private let lane: ComputeLane
    private let options: Options

    /// How many records go onto the lane at a time, so that other work on it gets its turn.
    private static let slice = 16

    /// An evaluator of adapters of `lora`; without one, of the base model alone.
    ///
    /// Loss is measured on response tokens, also where `encoder` trains on inputs. Throws `RecordsError` when
    /// no record can be used.
    package init(
        records: [InstructionRecord], model: BaseModel, lora: LoRAConfiguration?, encoder: RecordEncoder,
        lane: ComputeLane, options: Options = Options()
    ) throws(RecordsError) {
        self.encoder = encoder.forResponses
        encoded = EncodedRecords(records, with: self.encoder)
        try encoded.check(
            peer: options.name, cutoff: encoder.cutoff, vocabularySize: model.configuration.vocabularySize)
        // Whatever trains: results are measured in 32-bit floats always.
        engine = TrainingEngine(
            model: model, lora: lora, options: EngineOptions(threads: options.threads), trains: false)
        self.lane = lane
        self.options = options
    }

    /// The summary for a whole adapter, in the order of the schema; empty for the base model alone.
    ///
    /// Throws `EngineError` for an adapter of another length, and `CancellationError` when the task is cancelled.
    package func evaluate(adapter: [Float] = []) async throws -> EvaluationSummary {
        EvaluationSummary(try await scores(adapter: adapter))
    }

    /// What measuring each record gave, in the order of the records kept.
    package func scores(adapter: [Float]) async throws -> [RecordScore] {
        guard adapter.count == engine.schema.count else {
            throw EngineError.adapterLength(expected: engine.schema.count, found: adapter.count)
        }
        let generator =
            options.generates ? TextGenerator(model: engine.model, lora: engine.lora, adapter: adapter) : nil
        var scores: [RecordScore] = []
        for start in stride(from: 0, to: encoded.records.count, by: Self.slice) {
            try Task.checkCancellation()
            let range = start..<min(start + Self.slice, encoded.records.count)
            scores += try await lane.run { [self] in try score(range, adapter: adapter, generator: generator) }
        }
        return scores
    }

    private func score(_ range: Range<Int>, adapter: [Float], generator: TextGenerator?) throws -> [RecordScore] {
        let losses = try engine.evaluate(sequences: Array(encoded.sequences[range]), adapter: adapter)
        let generated = generator == nil ? [] : range.filter(isGenerated)
        let answers = try generator.map { try self.answers(to: generated.map { encoded.records[$0] }, generator: $0) }
        var scores = zip(range, losses).map { index, loss in
            RecordScore(
                category: encoded.records[index].category, negativeLogLikelihood: loss.lossSum, tokens: loss.tokenCount)
        }
        for (index, answer) in zip(generated, answers ?? []) {
            scores[index - range.lowerBound].measure(answer, expected: encoded.records[index].response)
        }
        return scores
    }

    /// The answers to all of a slice's records, written side by side.
    private func answers(to records: [InstructionRecord], generator: TextGenerator) throws -> [String] {
        // Chat models have ends of a turn that the tokenizer's own end token is not.
        let stops = encoder.stopTokens.union(engine.model.endOfSequence)
        let tokens = try generator.generate(
            prompts: records.map(encoder.promptTokens),
            options: GenerationOptions(maximumTokens: options.maximumTokens, stopTokens: stops),
            sideBySide: Self.slice)
        return tokens.map(encoder.encoder.decode)
    }

    /// Whether an answer is generated for the record at `index`: all, or so many at even distances.
    private func isGenerated(_ index: Int) -> Bool {
        guard let wanted = options.generatedRecords, wanted < encoded.records.count else { return true }
        let count = encoded.records.count
        // True for exactly `wanted` of the indices: where the line of slope wanted / count passes a whole number.
        return (index + 1) * wanted / count > index * wanted / count
    }
}
